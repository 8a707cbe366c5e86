"""What is measured beside the rounds: growth, search, round trips, distance, memory, bytes and the export."""

from __future__ import annotations

import http.client
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from time import monotonic, sleep
from urllib.parse import urlencode, urlsplit

import psycopg

from bench.contestants.pages import fetch, page_of
from bench.contestants.servers import Contestant
from bench.database import MANY, MOST, OWNERS, USUAL, People
from bench.latency_proxy import Wire
from bench.load import SECONDS, Asked, Round, batch_of, play, play_action, send

SOAK = int(os.environ.get("SOAK", "1000"))  # requests of each worker, twice
SOAK_ACTIONS = ("list", "list", "detail", "create", "status", "edit")
WORKERS = 2

type Rounds = dict[str, list[Round]]


def alternating(times: int, plays: Mapping[str, Callable[[], Round]]) -> Rounds:
    """Each of these rounds so often, in turn, so that whatever else the machine does meets them all."""
    rounds: Rounds = {name: [] for name in plays}
    for _ in range(times):
        for name, once in plays.items():
            rounds[name].append(once())
    return rounds


# How it grows


def deep_page(site: Contestant, people: People) -> tuple[int, Asked]:
    """The page 10,000 of the person who owns the most tasks, or the last whole one."""
    person, number = OWNERS[MOST], min(10_000, MOST * 3 // 4 // 50 - 1)
    (last, created_at), (first, _) = people.edge_of_page(person, number)
    microseconds = round(created_at.timestamp() * 1_000_000)
    query = urlencode({"status": "pending", "cursor": f"next-newest-{microseconds}-{last.replace('-', '')}"})
    tasks = page_of(site, people, person, f"/?{query}").shown.tasks
    if len(tasks) != 50 or tasks[0][0] != first:
        sys.exit(f"Page {number} does not begin with the task that it should begin with.")
    return number, Asked(f"/?{query}", person)


def growth(site: Contestant, people: People, times: int) -> Rounds:
    """The first page by the number of tasks owned, and a deep page, over one connection."""
    number, deep = deep_page(site, people)
    pages = {f"{owned:,}": Asked("/", person) for owned, person in OWNERS.items()} | {f"page {number:,}": deep}
    return alternating(times, {name: partial(play, site, people, [page], SECONDS, 1) for name, page in pages.items()})


def throughput(contestants: list[Contestant], people: People, times: int) -> dict[str, dict[int, float]]:
    """Lists a second, by the number of tasks owned."""
    rates: dict[str, dict[int, float]] = {each.name: {} for each in contestants}
    for owned, person in sorted(OWNERS.items()):
        seconds, times = (SECONDS, times) if owned <= 100_000 else (5 * SECONDS, 1)  # some take seconds to count
        plays = {each.name: partial(play, each, people, [Asked("/", person)], seconds) for each in contestants}
        rounds = alternating(times, plays)
        for name, played in rounds.items():
            rates[name][owned] = middle(played, "per_second")
    return rates


def middle(rounds: list[Round], figure: str) -> float:
    figures: list[float] = [getattr(each, figure) for each in rounds]
    return statistics.median(figures)


# Latencies


def latencies(site: Contestant, people: People, times: int) -> dict[int, dict[str, list[Round]]]:
    """By connections and action: what has not been measured already, and all where many ask at once."""
    few = {action: partial(play_action, action, site, people) for action in ("detail", "delete")}
    many = {
        action: partial(play_action, action, site, people, 2 * SECONDS, 64)
        for action in ("list", "create", "detail", "edit", "delete")
    }
    return {8: alternating(times, few), 64: alternating(min(times, 2), many)}


# Search


def searches(site: Contestant, people: People, times: int) -> Rounds:
    """Words that match all, some, one and none of the tasks of somebody who owns many, over one connection."""
    words = {"all": "task", "a quarter": "words", "one": str(MANY - 9), "none": "nothing"}
    pages = {name: Asked("/?" + urlencode({"q": q, "status": "all"}), OWNERS[MANY]) for name, q in words.items()}
    return alternating(times, {name: partial(play, site, people, [page], SECONDS, 1) for name, page in pages.items()})


# Round trips and distance


def round_trip(wire: Wire) -> float:
    """Milliseconds that the least statement takes over this way."""
    with psycopg.connect(wire.url, autocommit=True) as connection:
        times = []
        for _ in range(20):
            start = monotonic()
            connection.execute("SELECT 1")
            times.append(monotonic() - start)
    return 1000 * statistics.median(times)


def journeys(contestant: Contestant, people: People, wire: Wire, action: str) -> float:
    """Round trips to the database that a request of this kind takes: the median, once all connections know it."""
    counts = []
    with closing(http.client.HTTPConnection(urlsplit(contestant.origin).netloc, timeout=30)) as connection:
        for asked in batch_of(action, people, 13).requests[:13]:
            before = wire.journeys
            send(connection, contestant, people, asked)
            sleep(0.03)  # for what is tidied up after the answer
            counts.append(wire.journeys - before)
    return statistics.median(counts[8:])  # a pool has up to eight


# Memory, bytes and the export


def soak(site: Contestant, people: People) -> Iterator[float]:
    """The memory of the larger worker in MB: after SOAK requests of each worker, and after as many more."""
    actions = cycle(SOAK_ACTIONS)
    for so_many in (SOAK, 2 * SOAK):
        while site.served < WORKERS * so_many:
            play_action(next(actions), site, people)
        yield max(process.memory_info().rss for process in site.processes()[1:]) / 2**20


def sizes(site: Contestant, people: People) -> dict[str, tuple[str, int]]:
    """By what a browser says it accepts: how the list of 50 comes, and in how many bytes. Its padding varies."""
    found = {}
    for accepted in ("gzip, deflate, br, zstd", "gzip", "br"):
        pages = [fetch(site, people, OWNERS[USUAL], encoding=accepted) for _ in range(9)]
        found[accepted] = (pages[0][0] or "not compressed", int(statistics.median(len(body) for _, body in pages)))
    return found


@dataclass(frozen=True)
class Export:
    tasks: int
    megabytes: float
    seconds: float
    is_streamed: bool
    memory: float  # MB, the most that a worker had


def first_byte(site: Contestant, people: People) -> float:
    """Milliseconds until an export of the most tasks begins."""
    times = []
    for _ in range(10):
        start = monotonic()
        connection, answer = open_export(site, people, OWNERS[MOST])
        answer.read(1)
        times.append(monotonic() - start)
        connection.close()
    return 1000 * statistics.median(times)


def open_export(
    site: Contestant, people: People, person: int
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(site.origin).netloc, timeout=60)
    connection.request("GET", "/export/tasks.json", headers={"Cookie": people.cookies[person]})
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"An export was answered with {answer.status}.\n{site.last_words()}")
    return connection, answer


def export(site: Contestant, people: People) -> Export:
    """Fetch everything of the person who owns the most tasks, and watch the workers meanwhile."""
    workers, start = site.processes()[1:], monotonic()
    connection, answer = open_export(site, people, OWNERS[MOST])
    is_streamed, tasks, size, most, tail = answer.getheader("Content-Length") is None, 0, 0, 0, b""
    while piece := answer.read(2**20):
        tasks += (tail + piece).count(b'"title":') - tail.count(b'"title":')
        size, tail = size + len(piece), piece[-7:]
        most = max(most, *(worker.memory_info().rss for worker in workers))
    connection.close()
    if tasks != MOST:
        sys.exit(f"The export has {tasks:,} tasks and not {MOST:,}.")
    return Export(tasks, size / 2**20, monotonic() - start, is_streamed, most / 2**20)


def export_beside(site: Contestant, people: People, work: Callable[[], list[float]]) -> tuple[Export, list[float]]:
    """An export, during which other work is done: it takes longer than anything else here."""
    with ThreadPoolExecutor(1) as pool:
        exporting = pool.submit(export, site, people)
        done = work()
        return exporting.result(), done
