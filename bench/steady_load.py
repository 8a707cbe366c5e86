"""Measure the site while 2,000 users send a request each minute: ``python -m bench.steady_load``.

The time of a request begins when it is due, so that delays of earlier requests count. Exits with an error if a request
fails, or if the 95th percentile of an action is half a second or more.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from time import monotonic, sleep

from bench.contestants.servers import MAX_CONNECTIONS, SITE_GTHREAD, Server, running
from bench.database import new_database
from bench.load import Load, Request
from bench.report import table

USERS, TASKS = 2000, 20
LIMIT = 500  # ms
WEIGHTS = {"list": 8, "detail": 4, "create": 2, "edit": 2, "status": 2, "delete": 2}  # how often each action is sent


def send_all(site: Server, load: Load, requests: list[tuple[str, Request]], interval: float) -> dict[str, list[float]]:
    """Send each request when it is due. Return the milliseconds that they took by action."""
    start, times = monotonic() + 1, defaultdict(list)

    def send(position: int) -> None:
        due, (action, request) = start + position * interval, requests[position]
        sleep(max(0, due - monotonic()))
        load.send(site, request)
        times[action].append(1000 * (monotonic() - due))

    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        list(pool.map(send, range(len(requests))))
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--pause", type=float, default=60, help="seconds between two requests of a user")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        new_database(USERS, TASKS) as database,
        running(SITE_GTHREAD, Path(folder), database.url) as site,
    ):
        load, interval = Load(database, options.seconds), options.pause / USERS
        for action in WEIGHTS:
            load.warm_up(site, action)
        requests = []
        for action, weight in WEIGHTS.items():
            count = int(options.seconds / interval * weight / sum(WEIGHTS.values()))
            requests += [(action, request) for request in load.new_requests(action, count)]
        random.Random(1).shuffle(requests)
        times = send_all(site, load, requests, interval)
    percentiles = {action: quantiles(times[action], n=100) for action in WEIGHTS}
    rows = (
        [action, str(len(times[action])), *(f"{ms[n - 1]:.0f}" for n in (50, 95, 99))]
        for action, ms in percentiles.items()
    )
    print(table(["action", "requests", "p50 ms", "p95 ms", "p99 ms"], rows))
    if slow := [action for action, ms in percentiles.items() if ms[94] >= LIMIT]:
        sys.exit(f"The 95th percentile is {LIMIT} ms or more: {', '.join(slow)}")


if __name__ == "__main__":
    main()
