"""``make bench``: the site beside the floor of Python and beside what one would write instead, on one machine in turn.

All of them serve the same people from the same database, each by two processes; that they show the same tasks is
checked first, and that what they answered to have written was written after each round. wrk is the load. They
alternate, round after round, so that whatever else the machine does meets them all: compare the ratios and the CPU, not
the milliseconds. Writes RESULTS.md and throughput.svg into the folder INTO. ROUNDS, SECONDS, PEOPLE and MOST (the tasks
of who owns the most) in the environment make it shorter; SOAK, the requests of a worker until its memory is read,
longer: 10000 take up to seven minutes more.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import monotonic

from bench import measurements, report
from bench.contestants.pages import require_same
from bench.contestants.servers import (
    COMMANDS,
    FASTAPI,
    FLOOR_GTHREAD,
    SITE_GTHREAD,
    SITE_SYNC,
    USUAL,
    Contestant,
    clear_environment,
    require_tools,
    running,
)
from bench.database import PEOPLE, People, fill
from bench.latency_proxy import longer_way
from bench.load import play_action, warm_up
from bench.measurements import alternating
from bench.plot import plot
from bench.targets import Findings
from todo_site.tests.postgresql import own_server

ROUNDS = int(os.environ.get("ROUNDS", "7"))
INTO = Path(os.environ.get("INTO", str(Path(__file__).parent)))
DISTANCE = 5  # milliseconds
PRODUCTION = (SITE_GTHREAD, FLOOR_GTHREAD, FASTAPI, USUAL)  # without what stands on sync workers
CHANGES = ("create", "status", "edit")

BEGIN = monotonic()

type Contestants = dict[str, Contestant]


def say(words: str) -> None:
    print(f"{monotonic() - BEGIN:4.0f} s: {words} ...", flush=True)


def main() -> None:
    require_tools()
    clear_environment()
    found = Findings()
    with tempfile.TemporaryDirectory() as name, own_server() as server, ExitStack() as stack:
        folder = Path(name)
        say("start")
        contestants = {
            name: stack.enter_context(running(name, folder, server.url))
            for name in (SITE_GTHREAD, SITE_SYNC, *COMMANDS)
        }
        say("fill")
        fill(server)
        people = People(server.url)
        people.sign_in(contestants[SITE_GTHREAD].origin)
        pages = require_same(list(contestants.values()), people, [1, PEOPLE])
        play_rounds(found, contestants, people)
        measure_site(found, contestants[SITE_GTHREAD], people, folder, server.url)
        measure_distance(found, people, folder, server.url)
        found.memory |= {each.name: each.memory() for each in contestants.values() if each.name not in found.memory}
        machine = report.machine(people)
    INTO.mkdir(parents=True, exist_ok=True)
    plot(found.throughput, INTO / "throughput.svg")
    text = report.text(found, pages, machine, monotonic() - BEGIN)
    (INTO / "RESULTS.md").write_text(text)
    print(text)


def play_rounds(found: Findings, contestants: Contestants, people: People) -> None:
    """What the contestants are compared in. Each is warmed up before its rounds."""
    for action in ("list", *CHANGES):
        say(action)
        names = contestants if action == "list" else PRODUCTION
        plays = {name: partial(play_action, action, contestants[name], people) for name in names}
        for name in names:
            warm_up(contestants[name], people, action)
        # Two workers share eight connections as it happens, anew in each round: the more rounds, the less that counts.
        found.actions[action] = alternating(ROUNDS * 2 if action == "list" else ROUNDS, plays)
    found.memory = {name: each.memory() for name, each in contestants.items()}
    say("lists by the tasks owned")
    found.throughput = measurements.throughput([contestants[name] for name in PRODUCTION], people, fewer(2))


def measure_site(found: Findings, site: Contestant, people: People, folder: Path, url: str) -> None:
    say("growth and latencies")
    found.growth = measurements.growth(site, people, ROUNDS)
    found.latencies = measurements.latencies(site, people, fewer(3))
    found.latencies[8] |= {action: rounds[SITE_GTHREAD] for action, rounds in found.actions.items()}
    found.sizes = measurements.sizes(site, people)
    say("search, export and memory")
    # A server of its own: one person may search and export only so often, and its memory is the export's alone.
    with running(SITE_GTHREAD, folder, url, RATE_LIMITS="false") as other:
        warm_up(other, people)
        found.searches = measurements.searches(other, people, fewer(5))
        found.first_byte = measurements.first_byte(other, people)
        found.export, found.soaked = measurements.export_beside(
            other, people, lambda: list(measurements.soak(site, people))
        )


def measure_distance(found: Findings, people: People, folder: Path, url: str) -> None:
    """Journeys to the database are counted on a longer way to it; the two that the bar names are compared there."""
    say("round trips, and the database far away")
    with ExitStack() as stack:
        far = {}
        for number, name in enumerate(PRODUCTION):
            wire = stack.enter_context(longer_way(url, folder / f"wire-{number}", DISTANCE))
            far[name] = stack.enter_context(running(name, folder, wire.url))
            warm_up(far[name], people)
            found.journeys[name] = {
                action: measurements.journeys(far[name], people, wire, action) for action in ("list", *CHANGES)
            }
            found.round_trip = measurements.round_trip(wire)
        plays = {name: partial(play_action, "list", far[name], people) for name in PRODUCTION}
        found.far = alternating(fewer(8), plays)


def fewer(most: int) -> int:
    return min(ROUNDS, most)


if __name__ == "__main__":
    main()
