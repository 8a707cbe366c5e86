"""Compare what the contestants show, and measure growth, search, round trips, memory, sizes and the export."""

from __future__ import annotations

import html
import re
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from time import monotonic, sleep
from urllib.parse import urlencode

import psycopg
from urllib3 import BaseHTTPResponse

from bench.contestants.servers import WORKERS, Server
from bench.database import MANY_TASKS, Database
from bench.latency_proxy import LatencyProxy
from bench.load import Load, Request, Round, Rounds, alternate

ROW = re.compile(r'<li [^>]*id="?task-([0-9a-f-]{36})[^>]*>(.*?)</li>', re.DOTALL)
TEXT = re.compile(r'<a class="?title\b[^>]*>(.*?)</a>|<p class="?excerpt\b[^>]*>(.*?)</p>', re.DOTALL)
COUNT = re.compile(r'<span class="?count\b[^>]*>(.*?)</span>')
# The last task before a page and the first one on it.
PAGE_BOUNDARY = """
SELECT id::text, created_at FROM task WHERE user_id = %s AND status = 'pending'
ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 2
"""
MEMORY_ACTIONS = ("list", "list", "detail", "create", "status", "edit")


def median(rounds: list[Round], field: str) -> float:
    values: list[float] = [getattr(each, field) for each in rounds]
    return statistics.median(values)


def fetch_page(server: Server, database: Database, user: str, path: str = "/") -> str:
    return server.request(path, database.headers[user]).data.decode()


def read_tasks(page: str) -> list[tuple[str, ...]]:
    """Return id, title and excerpt of each task, however the contestant writes them."""
    tasks = []
    for task_id, row in ROW.findall(page):
        texts = [html.unescape(re.sub("<[^>]*>", "", "".join(groups))).strip() for groups in TEXT.findall(row)]
        tasks.append((task_id, *texts))
    return tasks


def require_same_page(servers: Iterable[Server], database: Database, user: str) -> dict[str, str]:
    """Return the list page of each contestant. Exit if they show different tasks or numbers beside the filters."""
    pages = {server.name: fetch_page(server, database, user) for server in servers}
    (first_name, first), *others = [(name, read_tasks(page) + COUNT.findall(page)) for name, page in pages.items()]
    if len(read_tasks(pages[first_name])) != 50:
        sys.exit(f"{first_name} does not show 50 tasks.")
    for name, shown in others:
        if shown != first:
            different = next((pair for pair in zip(first, shown, strict=False) if pair[0] != pair[1]), "the length")
            sys.exit(f"{first_name} and {name} do not show the same: {different}")
    return pages


def measure_pages(site: Server, load: Load, pages: Mapping[str, Request], times: int) -> Rounds:
    """Request each of these pages over one connection."""
    return alternate(times, {name: partial(load.run, site, [page], connections=1) for name, page in pages.items()})


def growth_pages(site: Server, database: Database) -> dict[str, Request]:
    """Return the first pages of users with few and many tasks, and page 10,000 or the last full one."""
    pages = {f"{tasks:,}": Request(user, "/") for tasks, user in sorted(database.owners.items())}
    tasks, user = max(database.owners.items())
    number = min(10_000, tasks * 3 // 4 // 50 - 1)
    last, first = database.connection.execute(PAGE_BOUNDARY, [user, (number - 1) * 50 - 1]).fetchall()
    cursor = f"next-newest-{round(last.created_at.timestamp() * 1_000_000)}-{last.id.replace('-', '')}"
    path = f"/?{urlencode({'status': 'pending', 'cursor': cursor})}"
    shown = read_tasks(fetch_page(site, database, user, path))
    if len(shown) != 50 or shown[0][0] != first.id:
        site.fail(f"page {number} does not begin with task {first.id}")
    return {**pages, f"page {number:,}": Request(user, path)}


def search_pages(database: Database) -> dict[str, Request]:
    """Return searches of a user with many tasks, by how many of them match."""
    tasks = min(MANY_TASKS, max(database.owners))
    words = {"all": "task", "a quarter": "words", "one": str(tasks - 9), "none": "nothing"}
    paths = {match: "/?" + urlencode({"q": word, "status": "all"}) for match, word in words.items()}
    return {match: Request(database.owners[tasks], path) for match, path in paths.items()}


def measure_throughput(servers: list[Server], load: Load, times: int) -> dict[str, dict[int, float]]:
    """Return list requests per second of each contestant by the number of tasks that the user owns."""
    rates: dict[str, dict[int, float]] = {server.name: {} for server in servers}
    for tasks, user in sorted(load.database.owners.items()):
        is_slow = tasks > MANY_TASKS  # exact counts take seconds
        seconds = 5 * load.seconds if is_slow else load.seconds
        runs = {server.name: partial(load.run, server, [Request(user, "/")], seconds) for server in servers}
        for name, rounds in alternate(1 if is_slow else times, runs).items():
            rates[name][tasks] = median(rounds, "per_second")
    return rates


def measure_latencies(site: Server, load: Load, times: int) -> dict[int, Rounds]:
    """Return rounds by connections: at 8 the actions that are not compared with others, at 64 all of them."""
    few = {action: partial(load.run_action, site, action) for action in ("detail", "delete")}
    many = {
        action: partial(load.run_action, site, action, 2 * load.seconds, connections=64)
        for action in ("list", "create", "detail", "edit", "delete")
    }
    return {8: alternate(times, few), 64: alternate(min(times, 2), many)}


def measure_round_trip(url: str) -> float:
    """Return the milliseconds that the smallest query takes."""
    times = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(20):
            start = monotonic()
            connection.execute("SELECT 1")
            times.append(1000 * (monotonic() - start))
    return statistics.median(times)


def count_round_trips(server: Server, load: Load, proxy: LatencyProxy, action: str) -> float:
    """Return the round trips to the database of one request, once every connection has prepared its statements."""
    load.database.choose_table(server)
    load.warm_up(server, action)
    counts = []
    for request in load.new_requests(action, 5):
        before = proxy.round_trips
        load.send(server, request)
        sleep(0.03)  # the server may tidy up after the response
        counts.append(proxy.round_trips - before)
    return statistics.median(counts)


def measure_memory(site: Server, load: Load, requests: int) -> tuple[float, float]:
    """Return the MB of the larger worker after so many requests of each worker, and after as many more."""
    actions, memory = cycle(MEMORY_ACTIONS), []
    for target in (requests, 2 * requests):
        while site.served < WORKERS * target:
            load.run_action(site, next(actions))
        memory.append(site.memory())
    return memory[0], memory[1]


def measure_sizes(site: Server, database: Database) -> dict[str, tuple[str, int]]:
    """Return encoding and bytes of the list by Accept-Encoding. A page has padding of random length."""
    sizes = {}
    for accepted in ("gzip, deflate, br, zstd", "gzip", "br"):
        headers = {**database.headers[database.users[0]], "Accept-Encoding": accepted}
        responses = [site.request("/", headers) for _ in range(9)]
        encoding = responses[0].headers.get("Content-Encoding", "not compressed")
        sizes[accepted] = (encoding, int(statistics.median(len(response.data) for response in responses)))
    return sizes


@dataclass(frozen=True)
class Export:
    megabytes: float
    seconds: float
    is_streamed: bool
    memory: float  # MB, highest of a worker


def request_export(site: Server, database: Database) -> BaseHTTPResponse:
    user = database.owners[max(database.owners)]
    return site.request("/export/tasks.json", database.headers[user], preload_content=False)


def measure_first_byte(site: Server, database: Database) -> float:
    """Return the milliseconds until the largest export begins."""
    times = []
    for _ in range(10):
        start = monotonic()
        response = request_export(site, database)
        response.read(1)
        times.append(1000 * (monotonic() - start))
        response.close()
    return statistics.median(times)


def measure_export(site: Server, database: Database) -> Export:
    """Download all tasks of the user with the most and watch the memory of the workers."""
    start, expected = monotonic(), max(database.owners)
    response = request_export(site, database)
    tasks, size, memory, tail = 0, 0, 0.0, b""
    while chunk := response.read(2**20):
        tasks += (tail + chunk).count(b'"title":')
        size, tail = size + len(chunk), chunk[-7:]  # too short to contain what is counted
        memory = max(memory, site.memory())
    if tasks != expected:
        site.fail(f"the export has {tasks:,} tasks instead of {expected:,}")
    is_streamed = response.headers.get("Content-Length") is None
    return Export(size / 2**20, monotonic() - start, is_streamed, memory)
