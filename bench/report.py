"""What bench/RESULTS.md says."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.contestants.pages import Page
from bench.contestants.servers import FASTAPI, FLOOR_GTHREAD, FLOOR_SYNC, SITE_GTHREAD, SITE_SYNC
from bench.database import MOST, PEOPLE, USUAL, People
from bench.load import SECONDS, Round
from bench.measurements import Rounds, middle
from bench.targets import Findings, Ratio, table

PACKAGES = ("Django", "Jinja2", "psycopg", "gunicorn", "FastAPI", "SQLModel", "SQLAlchemy", "asyncpg", "uvicorn")
WHAT_EACH_DOES = """\
All check the same signed cookie, look up the session and its user in the database, and show the same page: the 50
newest pending tasks, the numbers beside the filters, the forms. Only the site also writes a journal, checks row-level
security, sets a policy, compresses, logs each access, counts tries, and tells what a request cost.

- **The site**: production's settings, nothing switched off, but that one person may search and export as often as they
  like. Each asks from an address of their own, with the cookies that a browser has after its first page.
- **The floor**: WSGI by hand, psycopg, f-strings. A write is one statement that commits itself: no journal, no CSRF
  token. Its numbers beside the filters stop at 1,000, as the site's.
- **FastAPI**: SQLModel, asyncpg, Jinja2. A write loads the task and commits the change. No journal, no CSRF token,
  exact numbers.
- **Usual Django**: its templates, `url` and `date` in each row, a form for each row, Paginator, model forms, CSRF
  tokens, connections that stay. No journal, exact numbers.

A write counts when the database has it: after each round the rows are counted, and the site's entries in the
journal."""


def text(found: Findings, pages: dict[str, Page], machine: str, seconds: float) -> str:
    parts = [
        ["# What the site costs, beside others"],
        [machine],
        [how(len(found.actions["list"][SITE_GTHREAD]), seconds)],
        ["## The bar"],
        list(table(found)),
        ["## The list"],
        list(table_of_lists(found, pages)),
        ["![Lists a second, by the tasks that somebody owns](throughput.svg)"],
        ["## Writes"],
        list(table_of_writes(found)),
        ["## One page of the site, over one connection"],
        list(table_of_pages(found.growth | {f"search: {words}": r for words, r in found.searches.items()})),
        [f"## The list at a round trip of {found.round_trip:.1f} ms to the database"],
        list(table_of_far(found.far)),
        ["## What each does"],
        [WHAT_EACH_DOES],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def how(rounds: int, seconds: float) -> str:
    return (
        f"{PEOPLE:,} people with {USUAL} tasks each, and three with up to {MOST:,}. Load by wrk over 8 connections, in"
        f" alternating rounds of {SECONDS} s ({rounds} of the list, {rounds // 2} of each write) by many people in"
        " turn; medians, with the least and the most in parentheses. Ratios are taken round by round. It took"
        f" {seconds / 60:.1f} minutes."
    )


def machine(people: People) -> str:
    cpus = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    row = people.database.execute(
        "SELECT current_setting('server_version'), current_setting('shared_buffers'),"
        " current_setting('fsync'), current_setting('synchronous_commit')"
    ).fetchone()
    assert row is not None
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout.split()[1]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{cpus[0] if cpus else platform.machine()}, {os.cpu_count()} processors,"
        f" {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.system()} {platform.release()}: shared by the"
        f" load, the database and one contestant at a time; load average {os.getloadavg()[1]:.1f}. PostgreSQL {row[0]}"
        f" (shared_buffers {row[1]}, fsync {row[2]}, synchronous_commit {row[3]}), Python {platform.python_version()},"
        f" {packages}, wrk {wrk}."
    )


def table_of_lists(found: Findings, pages: dict[str, Page]) -> Iterator[str]:
    columns = ["list/s", "x its floor", "x FastAPI", "p50 ms", "p95 ms", "p99 ms", "app CPU ms", "database CPU ms"]
    columns += ["round trips", "HTML bytes", "elements", "MB a process"]
    yield f"| contestant | {' | '.join(columns)} |"
    yield "|---" + "|--:" * len(columns) + "|"
    rounds = found.actions["list"]
    for name, each in rounds.items():
        floor = FLOOR_SYNC if name in {SITE_SYNC, FLOOR_SYNC} else FLOOR_GTHREAD
        figures = [f"{middle(each, 'per_second'):.0f}", str(Ratio.of(each, rounds[floor]))]
        figures += [str(Ratio.of(each, rounds[FASTAPI])), *costs(each)]
        trips = found.journeys.get(name, {}).get("list")
        figures += ["" if trips is None else f"{trips:.1f}", f"{pages[name].size:,}", f"{pages[name].elements:,}"]
        yield f"| {name} | {' | '.join(figures)} | {found.memory[name]:.0f} |"


def costs(rounds: list[Round]) -> list[str]:
    latencies = [f"{middle(rounds, figure):.0f}" for figure in ("p50", "p95", "p99")]
    return latencies + [f"{middle(rounds, figure):.2f}" for figure in ("app_cpu", "database_cpu")]


def table_of_writes(found: Findings) -> Iterator[str]:
    columns = ["a second", "x the floor", "p50 ms", "p95 ms", "p99 ms", "app CPU ms", "database CPU ms", "round trips"]
    yield f"| write | contestant | {' | '.join(columns)} |"
    yield "|---|---" + "|--:" * len(columns) + "|"
    for action, rounds in found.actions.items():
        if action != "list":
            for name, each in rounds.items():
                figures = [
                    f"{middle(each, 'per_second'):.0f}",
                    str(Ratio.of(each, rounds[FLOOR_GTHREAD])),
                    *costs(each),
                ]
                yield f"| {action} | {name} | {' | '.join(figures)} | {found.journeys[name][action]:.1f} |"


def table_of_pages(pages: Rounds) -> Iterator[str]:
    yield "| first page by tasks owned, deep page, search | p50 ms | p95 ms | p99 ms | app CPU ms | database CPU ms |"
    yield "|---|--:|--:|--:|--:|--:|"
    for name, rounds in pages.items():
        latencies = [f"{middle(rounds, figure):.1f}" for figure in ("p50", "p95", "p99", "app_cpu", "database_cpu")]
        yield f"| {name} | {' | '.join(latencies)} |"


def table_of_far(rounds: Rounds) -> Iterator[str]:
    yield "| contestant | list/s | x FastAPI | p50 ms | p95 ms |"
    yield "|---|--:|--:|--:|--:|"
    for name, each in rounds.items():
        figures = [f"{middle(each, 'per_second'):.0f}", str(Ratio.of(each, rounds[FASTAPI]))]
        yield f"| {name} | {' | '.join(figures)} | {middle(each, 'p50'):.0f} | {middle(each, 'p95'):.0f} |"
