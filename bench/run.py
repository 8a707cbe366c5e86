"""Compare the site with a bare WSGI application, FastAPI and usual Django: ``python -m bench.run [--quick]``.

All contestants use the same database in turn, each with two processes. They must show the same page, and their writes
must be in the database after each round. They alternate, so that whatever else the machine does affects all of them:
compare ratios and CPU times rather than milliseconds. The output folder gets RESULTS.md and throughput.svg.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import monotonic

from bench import measurements, report
from bench.contestants.servers import COMMANDS, MAIN_CONTESTANTS, SITE_GTHREAD, Server, running
from bench.database import FEW_TASKS, MANY_TASKS, new_database
from bench.latency_proxy import latency_proxy
from bench.load import Load, alternate
from bench.plot import plot

ACTIONS = ("list", "create", "status", "edit", "delete")
EXTRA_ROUND_TRIP = 5  # ms, of the latency proxy
QUICK = {"rounds": 1, "users": 30, "max_tasks": 20_000, "soak": 200, "output": Path("build/bench")}
START = monotonic()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, users and tasks; output in build/bench")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each contestant (twice as many of the list)")
    parser.add_argument("--seconds", type=int, default=1, help="duration of a round")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--max-tasks", type=int, default=1_000_000, help="tasks of the user with the most tasks")
    parser.add_argument("--soak", type=int, default=1000, help="requests of a worker until its memory is measured")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder of the report")
    if parser.parse_args().quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


def log(message: str) -> None:
    print(f"{monotonic() - START:4.0f} s: {message} ...", flush=True)


def main() -> None:
    options = parse_arguments()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. On Debian: apt install wrk")
    results = report.Results(options)
    more_owners = (FEW_TASKS, min(MANY_TASKS, options.max_tasks), options.max_tasks)
    log("create the database")
    with (
        tempfile.TemporaryDirectory() as name,
        new_database(options.users, report.TASKS, more_owners) as database,
        ExitStack() as stack,
    ):
        folder, load = Path(name), Load(database, options.seconds)
        servers = {name: stack.enter_context(running(name, folder, database.url)) for name in COMMANDS}
        database.sign_in(servers[SITE_GTHREAD])
        for user in (database.users[-1], database.users[0]):
            results.pages = measurements.require_same_page(servers.values(), database, user)
        compare(results, servers, load)
        measure_site(results, servers[SITE_GTHREAD], load, folder)
        measure_distance(results, load, folder)
        results.machine = report.describe_machine(database)
    options.output.mkdir(parents=True, exist_ok=True)
    plot(results.throughput, options.output / "throughput.svg")
    text = report.render(results, (monotonic() - START) / 60)
    (options.output / "RESULTS.md").write_text(text)
    print(text)


def compare(results: report.Results, servers: dict[str, Server], load: Load) -> None:
    times = results.options.rounds
    for action in ACTIONS:
        log(action)
        names = servers if action == "list" else MAIN_CONTESTANTS
        for name in names:
            load.warm_up(servers[name], action)
        runs = {name: partial(load.run_action, servers[name], action) for name in names}
        # Connections are distributed over the workers by chance. More rounds make that matter less.
        results.actions[action] = alternate(2 * times if action == "list" else times, runs)
    results.memory = {name: server.memory() for name, server in servers.items()}
    log("list by the number of tasks")
    main = [servers[name] for name in MAIN_CONTESTANTS]
    results.throughput = measurements.measure_throughput(main, load, min(times, 2))


def measure_site(results: report.Results, site: Server, load: Load, folder: Path) -> None:
    log("growth and latencies")
    database, times = load.database, results.options.rounds
    database.choose_table(site)
    results.growth = measurements.measure_pages(site, load, measurements.growth_pages(site, database), times)
    results.latencies = measurements.measure_latencies(site, load, min(times, 3))
    results.latencies[8] |= {action: rounds[SITE_GTHREAD] for action, rounds in results.actions.items()}
    results.sizes = measurements.measure_sizes(site, database)
    log("search, export and memory")
    # A second server: without limits on searches and exports of one user, and with the memory of the export alone.
    with running(SITE_GTHREAD, folder, database.url, RATE_LIMITS="false") as other, ThreadPoolExecutor(1) as pool:
        load.warm_up(other)
        searches = measurements.search_pages(database)
        results.searches = measurements.measure_pages(other, load, searches, min(times, 5))
        results.first_byte = measurements.measure_first_byte(other, database)
        export = pool.submit(measurements.measure_export, other, database)  # takes longer than anything else
        results.memory_after_load = measurements.measure_memory(site, load, results.options.soak)
        results.export = export.result()


def measure_distance(results: report.Results, load: Load, folder: Path) -> None:
    log("round trips, and a distant database")
    with ExitStack() as stack:
        servers = {}
        for number, name in enumerate(MAIN_CONTESTANTS):
            proxy = stack.enter_context(latency_proxy(load.database.url, folder / f"proxy-{number}", EXTRA_ROUND_TRIP))
            servers[name] = server = stack.enter_context(running(name, folder, proxy.url))
            count = partial(measurements.count_round_trips, server, load, proxy)
            results.round_trips[name] = {action: count(action) for action in ACTIONS}
            results.round_trip = measurements.measure_round_trip(proxy.url)
        for action in ("list", "create", "status"):
            runs = {name: partial(load.run_action, server, action) for name, server in servers.items()}
            results.distant[action] = alternate(min(results.options.rounds, 5), runs)


if __name__ == "__main__":
    main()
