"""Write the report: the targets of the site and whether it meets them, then all figures as tables."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.contestants.servers import DJANGO, FASTAPI, FLOOR_GTHREAD, FLOOR_SYNC, SITE_GTHREAD, SITE_SYNC
from bench.database import FEW_TASKS, MANY_TASKS, Database
from bench.load import Round, Rounds
from bench.measurements import Export, median

TASKS = 300  # of most users
PACKAGES = ("Django", "Jinja2", "psycopg", "gunicorn", "FastAPI", "SQLModel", "SQLAlchemy", "asyncpg", "uvicorn")
COSTS = ["p50 ms", "p95 ms", "p99 ms", "app CPU ms", "database CPU ms"]


@dataclass
class Results:
    """All that one run measured."""

    options: Namespace  # of the command line
    pages: dict[str, str] = field(default_factory=dict)  # by contestant
    machine: str = ""
    actions: dict[str, Rounds] = field(default_factory=dict)  # by action and contestant
    memory: dict[str, float] = field(default_factory=dict)  # MB of the largest process, by contestant
    throughput: dict[str, dict[int, float]] = field(default_factory=dict)  # lists per second, by contestant and tasks
    growth: Rounds = field(default_factory=dict)  # of the site, by page
    latencies: dict[int, Rounds] = field(default_factory=dict)  # of the site, by connections and action
    searches: Rounds = field(default_factory=dict)  # of the site, by what matches
    sizes: dict[str, tuple[str, int]] = field(default_factory=dict)  # encoding and bytes, by Accept-Encoding
    first_byte: float = 0  # ms
    export: Export | None = None
    memory_after_load: tuple[float, float] = (0, 0)  # MB, after ``soak`` requests and twice as many
    round_trips: dict[str, dict[str, float]] = field(default_factory=dict)  # by contestant and action
    round_trip: float = 0  # ms, through the latency proxy
    distant: dict[str, Rounds] = field(default_factory=dict)  # by action and contestant, through the latency proxy


def ratios(rounds: list[Round], others: list[Round], field: str = "per_second") -> list[float]:
    """Return the ratios of rounds that ran in turn."""
    return [getattr(one, field) / getattr(other, field) for one, other in zip(rounds, others, strict=True)]


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def target(what: str, limit: str, measured: str, *, is_met: bool) -> list[str]:
    return [what, limit, measured, "yes" if is_met else "**no**"]


def ratio_target(what: str, minimum: float, label: str, values: list[float]) -> list[str]:
    return target(what, f"≥ {minimum:.2f} x {label}", spread(values), is_met=statistics.median(values) >= minimum)


def all_targets(results: Results) -> Iterator[list[str]]:
    lists, floor = results.actions["list"], "the floor on gthread"
    site = lists[SITE_GTHREAD]
    yield ratio_target("list, 50 tasks, on gthread", 0.35, floor, ratios(site, lists[FLOOR_GTHREAD]))
    on_sync = ratios(lists[SITE_SYNC], lists[FLOOR_SYNC])
    yield ratio_target("list, 50 tasks, on sync", 0.35, "the floor on sync", on_sync)
    yield ratio_target("list, 50 tasks", 1.5, "FastAPI", ratios(site, lists[FASTAPI]))
    yield ratio_target("list, 50 tasks", 8, "usual Django", ratios(site, lists[DJANGO]))
    for action in ("create", "status", "edit", "delete"):
        rounds = results.actions[action]
        for peer, minimum, label in ((DJANGO, 1.2, "usual Django"), (FASTAPI, 1.0, "FastAPI")):
            values = ratios(rounds[SITE_GTHREAD], rounds[peer])
            yield ratio_target(f"{action}, with its journal entry", minimum, f"{label} without one", values)
    yield from page_targets(results)
    yield from database_targets(results)
    sizes = (f"{size:,} B in {encoding} (accepted: {accepted})" for accepted, (encoding, size) in results.sizes.items())
    _, browser_size = next(iter(results.sizes.values()))
    yield target("compressed list of 50 tasks, to a browser", "< 6,000 B", "; ".join(sizes), is_met=browser_size < 6000)
    export = results.export
    assert export is not None
    yield target(
        f"export of {results.options.max_tasks:,} tasks",
        "streamed, < 100 MB, first byte < 200 ms",
        f"{'streamed' if export.is_streamed else 'not streamed'}, {export.memory:.0f} MB, first byte after"
        f" {results.first_byte:.0f} ms; {export.megabytes:.0f} MB in {export.seconds:.0f} s",
        is_met=export.is_streamed and export.memory < 100 and results.first_byte < 200,
    )


def page_targets(results: Results) -> Iterator[list[str]]:
    for connections, limit in ((8, 50), (64, 500)):
        rounds = results.latencies[connections]
        p95 = {action: median(rounds[action], "p95") for action in ("list", "create", "detail", "edit", "delete")}
        measured = ", ".join(f"{action} {ms:.0f}" for action, ms in p95.items()) + " ms"
        what = f"p95 at {connections} connections"
        yield target(what, f"< {limit} ms", measured, is_met=max(p95.values()) < limit)
    few, usual, most = (results.growth[f"{tasks:,}"] for tasks in (FEW_TASKS, TASKS, results.options.max_tasks))
    values, values_of_50 = ratios(most, few, "p50"), ratios(most, usual, "p50")
    measured = f"{spread(values)}; with {FEW_TASKS} tasks the page has 8 rows instead of 50"
    measured += f"; compared with {TASKS} tasks {spread(values_of_50)}"
    what = f"first page with {results.options.max_tasks:,} tasks / with {FEW_TASKS}"
    yield target(what, "≤ 1.15", measured, is_met=statistics.median(values) <= 1.15)
    (deep,) = (name for name in results.growth if name.startswith("page"))
    values = ratios(results.growth[deep], most, "p50")
    yield target(f"{deep} / page 1", "≤ 1.15", spread(values), is_met=statistics.median(values) <= 1.15)
    p95 = {match: median(rounds, "p95") for match, rounds in results.searches.items()}
    measured = ", ".join(f"{ms:.0f} ms ({match} match)" for match, ms in p95.items())
    what = f"search in {min(MANY_TASKS, results.options.max_tasks):,} tasks, p95"
    yield target(what, "< 60 ms", measured, is_met=max(p95.values()) < 60)


def database_targets(results: Results) -> Iterator[list[str]]:
    trips = results.round_trips[SITE_GTHREAD]
    yield target("database round trips of a page", "≤ 2", f"list {trips['list']:.1f}", is_met=trips["list"] <= 2)
    writes = {action: count for action, count in trips.items() if action != "list"}
    measured = ", ".join(f"{action} {count:.1f}" for action, count in writes.items())
    what = "database round trips of a write with its journal entry"
    yield target(what, "≤ 2", measured, is_met=max(writes.values()) <= 2)
    before, after = results.memory_after_load
    requests = f"{results.options.soak:,}"
    what = f"memory of a worker after {requests} requests, and its growth over the next {requests}"
    measured = f"{before:.1f} MB, {after - before:+.1f} MB"
    yield target(what, "< 70 MB, none", measured, is_met=before < 70 and after - before < 1)  # 1 MB is noise
    for action, rounds in results.distant.items():
        what = f"{action} at a round trip of {results.round_trip:.1f} ms to the database"
        yield ratio_target(what, 1.6, "FastAPI", ratios(rounds[SITE_GTHREAD], rounds[FASTAPI]))


def table(header: list[str], rows: Iterable[list[str]], text_columns: int = 1) -> str:
    """Return a Markdown table. Columns after the first ones are aligned to the right."""
    alignment = ["---"] * text_columns + ["--:"] * (len(header) - text_columns)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, alignment, *rows])


def costs(rounds: list[Round]) -> list[str]:
    """Return the columns COSTS."""
    latencies = [f"{median(rounds, field):.1f}" for field in ("p50", "p95", "p99")]
    return [*latencies, *(f"{median(rounds, field):.2f}" for field in ("app_cpu", "database_cpu"))]


def comparison(rounds: list[Round], *others: list[Round]) -> list[str]:
    """Return the rate, its ratios to these others, and the columns COSTS."""
    return [f"{median(rounds, 'per_second'):.0f}", *(spread(ratios(rounds, other)) for other in others), *costs(rounds)]


def list_table(results: Results) -> str:
    rows, lists = [], results.actions["list"]
    for name, rounds in lists.items():
        floor = lists[FLOOR_SYNC if name in {SITE_SYNC, FLOOR_SYNC} else FLOOR_GTHREAD]
        trips = f"{results.round_trips[name]['list']:.1f}" if name in results.round_trips else ""
        page = results.pages[name]
        size, elements = f"{len(page.encode()):,}", str(len(re.findall("<[a-z]", page)))
        memory = f"{results.memory[name]:.0f}"
        rows.append([name, *comparison(rounds, floor, lists[FASTAPI]), trips, size, elements, memory])
    header = ["contestant", "lists/s", "x its floor", "x FastAPI", *COSTS, "round trips", "HTML bytes", "elements"]
    return table([*header, "MB per process"], rows)


def write_table(results: Results) -> str:
    rows = (
        [action, name, *comparison(own, rounds[FLOOR_GTHREAD]), f"{results.round_trips[name][action]:.1f}"]
        for action, rounds in results.actions.items()
        if action != "list"
        for name, own in rounds.items()
    )
    return table(["write", "contestant", "writes/s", "x the floor", *COSTS, "round trips"], rows, text_columns=2)


def describe_machine(database: Database) -> str:
    cpus = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    names = ("server_version", "shared_buffers", "fsync", "synchronous_commit")
    settings = ", ".join(f"{name} {database.value(f'SHOW {name}')}" for name in names)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout.split()[1]
    return (
        f"{cpus[0] if cpus else platform.machine()}, {os.cpu_count()} processors,"
        f" {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.system()} {platform.release()}, shared by wrk, the"
        f" database and one contestant at a time; load average {os.getloadavg()[1]:.1f}. PostgreSQL ({settings}),"
        f" Python {platform.python_version()}, {packages}, wrk {wrk}."
    )


def render(results: Results, minutes: float) -> str:
    template = Path(__file__).with_name("results_template.md").read_text()
    pages = results.growth | {f"search: {match}": rounds for match, rounds in results.searches.items()}
    distant, fastapi = results.distant["list"], results.distant["list"][FASTAPI]
    return template.format(
        results=results,
        tasks=TASKS,
        minutes=minutes,
        targets=table(["what", "target", "measured", "met"], all_targets(results), text_columns=4),
        lists=list_table(results),
        writes=write_table(results),
        pages=table(["page", *COSTS], ([name, *costs(rounds)] for name, rounds in pages.items())),
        distant=table(
            ["contestant", "lists/s", "x FastAPI", *COSTS],
            ([name, *comparison(rounds, fastapi)] for name, rounds in distant.items()),
        ),
    )
