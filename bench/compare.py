"""``make bench``: the site beside the floor of Python and beside what one would write instead, on one machine in turn.

All of them serve the same list of the same person from the same database, each by two processes; that they show the
same tasks is checked first. wrk is the load. They alternate, round after round, so that whatever else the machine does
meets them all: compare the ratios and the CPU, not the milliseconds. Writes bench/RESULTS.md. ROUNDS, SECONDS and
PEOPLE in the environment make it shorter.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
import psycopg

from todo_site.better_auth import cookies
from todo_site.tests import environment  # noqa: F401  sets the secrets that the site and its clients share
from todo_site.tests.postgresql import OwnServer, own_server
from todo_site.tests.server import ROOT, free_port, running_server, wait_until_it_answers

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = int(os.environ.get("SECONDS", "5"))
PEOPLE = int(os.environ.get("PEOPLE", "1000"))
OWNED = {"few": 10, "usual": 300, "many": 100_000, "most": int(os.environ.get("MOST", "1000000"))}
RESULTS = Path(__file__).parent / "RESULTS.md"

FILL = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'person-' || n, 'Person ' || n, 'person' || n || '@example.org', true FROM generate_series(1, {people}) n;
INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
SELECT 'session-' || id, 'token-' || id, id, now() + interval '7 days', now(), now() FROM "user";
"""
FILL_TASKS = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT md5(p || '/' || t)::uuid, 'person-' || p, 'Task ' || t, CASE WHEN t % 4 = 1 THEN repeat('Some words. ', 10) END,
       CASE WHEN t % 4 = 0 THEN 'completed' ELSE 'pending' END,
       now() - t * interval '1 hour', now() - t * interval '1 hour'
FROM generate_series({first}, {last}) p, generate_series(1, {tasks}) t;
"""


@dataclass
class Contestant:
    name: str
    origin: str
    pid: int
    rounds: list[Round] = field(default_factory=list)

    def processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]


@dataclass(frozen=True)
class Round:
    """What wrk and the processes' own clocks say of one round."""

    per_second: float
    p50: float
    p95: float
    p99: float
    app_cpu: float  # milliseconds a request
    database_cpu: float
    failed: int


def cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return float(sum(time.user + time.system for time in times))


def cookie(person: str) -> str:
    return f"better-auth.session_token={cookies.sign(f'token-{person}')}"


def play(contestant: Contestant, database: psutil.Process, path: str, person: str, connections: int = 8) -> Round:
    """One round. An answer that is not 2xx or 3xx counts as failed."""
    script = Path(__file__).parent / "percentiles.lua"
    command = ["wrk", f"-c{connections}", "-t1", f"-d{SECONDS}s", "-s", str(script), "-H", f"Cookie: {cookie(person)}"]
    app, backends = contestant.processes(), [database, *database.children()]
    before = cpu(app), cpu(backends)
    done = subprocess.run(
        [*command, "-H", "Accept-Encoding: gzip", contestant.origin + path], capture_output=True, text=True, check=True
    )
    after = cpu(app), cpu(backends)
    said = dict(re.findall(r"^@(\w+) ([\d.]+)$", done.stdout, re.MULTILINE))
    n = max(float(said["requests"]), 1)
    return Round(
        n / float(said["seconds"]),
        p50=float(said["p50"]),
        p95=float(said["p95"]),
        p99=float(said["p99"]),
        app_cpu=(after[0] - before[0]) / n * 1000,
        database_cpu=(after[1] - before[1]) / n * 1000,
        failed=int(float(said["failed"])),
    )


@contextmanager
def running(name: str, command: list[str], log: Path, url: str) -> Iterator[Contestant]:
    port = free_port()
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "todo_site.settings", "PYTHONPATH": str(ROOT)}
    if name.startswith("Django as"):
        del settings["DJANGO_SETTINGS_MODULE"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *(word.replace("{port}", str(port)) for word in command)],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
        origin = f"http://127.0.0.1:{port}"
        try:
            wait_for_list(process, origin)
            yield Contestant(name, origin, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for_list(process: subprocess.Popen[bytes], origin: str) -> None:
    opener = urllib.request.build_opener()
    opener.addheaders = [("Cookie", cookie("person-1"))]
    urllib.request.install_opener(opener)
    wait_until_it_answers(process, f"{origin}/")


GUNICORN = ["gunicorn", "--bind=127.0.0.1:{port}", "--workers=2"]
OTHERS = {
    "the floor, gthread 2x4": [*GUNICORN, "--threads=4", "bench.contestants.floor:application"],
    "the floor, sync x2": [*GUNICORN, "bench.contestants.floor:application"],
    "FastAPI, SQLModel, asyncpg, Jinja2, uvicorn x2": [
        *("uvicorn", "--port={port}", "--workers=2", "--no-access-log", "bench.contestants.fastapi_app:app")
    ],
    "Django as usually written, gthread 2x4": [*GUNICORN, "--threads=4", "bench.contestants.usual:application"],
}


def fill(server: OwnServer) -> None:
    people = [(1, PEOPLE, OWNED["usual"])]
    people += [(PEOPLE + 1 + n, PEOPLE + 1 + n, OWNED[name]) for n, name in enumerate(("few", "many", "most"))]
    statements = [FILL.format(people=PEOPLE + 3)]
    statements += [FILL_TASKS.format(first=first, last=last, tasks=tasks) for first, last, tasks in people]
    server.run_sql(*statements, "VACUUM ANALYZE")


def shown(contestant: Contestant, person: str) -> list[str]:
    """The ids of the tasks on the list, in their order."""
    request = urllib.request.Request(contestant.origin + "/", headers={"Cookie": cookie(person)})
    with urllib.request.urlopen(request) as answer:
        return re.findall(r'<li[^>]* id="task-([0-9a-f-]{36})"', answer.read().decode())


def bytes_sent(contestant: Contestant, person: str) -> int:
    headers = {"Cookie": cookie(person), "Accept-Encoding": "gzip"}
    with urllib.request.urlopen(urllib.request.Request(contestant.origin + "/", headers=headers)) as answer:
        return len(answer.read())


def middle(contestant: Contestant, figure: Callable[[Round], float]) -> float:
    return median(figure(each) for each in contestant.rounds)


def ratio(one: Contestant, other: Contestant) -> str:
    """Of the rounds that were played side by side: the median, and the least and the most."""
    ratios = sorted(a.per_second / b.per_second for a, b in zip(one.rounds, other.rounds, strict=True))
    return f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def table(contestants: list[Contestant]) -> Iterator[str]:
    floor = contestants[1]
    columns = ["list/s", "x floor on gthread", "p50 ms", "p95 ms", "p99 ms", "app CPU ms", "database CPU ms"]
    columns += ["bytes", "MB a process"]
    yield f"| contestant | {' | '.join(columns)} |"
    yield "|---" + "|--:" * len(columns) + "|"
    for each in contestants:
        figures = [lambda r: r.p50, lambda r: r.p95, lambda r: r.p99]
        latencies = " | ".join(f"{middle(each, figure):.0f}" for figure in figures)
        cpus = f"{middle(each, lambda r: r.app_cpu):.2f} | {middle(each, lambda r: r.database_cpu):.2f}"
        memory = max(process.memory_info().rss for process in each.processes()) / 2**20
        yield (
            f"| {each.name} | {middle(each, lambda r: r.per_second):.0f} | {ratio(each, floor)} | {latencies} | {cpus}"
            f" | {bytes_sent(each, 'person-1')} | {memory:.0f} |"
        )


def growth(site: Contestant, database: psutil.Process) -> Iterator[str]:
    yield "| tasks owned | app CPU ms | database CPU ms | p95 ms |"
    yield "|--:|--:|--:|--:|"
    for name, person in (("few", PEOPLE + 1), ("usual", 1), ("many", PEOPLE + 2), ("most", PEOPLE + 3)):
        rounds = [play(site, database, "/", f"person-{person}") for _ in range(max(ROUNDS // 2, 1))]
        medians = [median(getattr(each, figure) for each in rounds) for figure in ("app_cpu", "database_cpu", "p95")]
        yield f"| {OWNED[name]:,} | " + " | ".join(f"{figure:.2f}" for figure in medians) + " |"


def machine(version: str) -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, shared by the load, the database (PostgreSQL {version})"
        f" and one contestant at a time; Python {platform.python_version()}; load average {os.getloadavg()[1]:.1f}. "
        f"{ROUNDS} rounds of {SECONDS} s, wrk with 8 connections: medians."
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, own_server() as server, ExitStack() as stack:
        logs = Path(folder)
        site = stack.enter_context(
            running_server(
                logs / "site", DATABASE_URL=server.url, GUNICORN_CMD_ARGS="--max-requests=0", RATE_LIMITS="false"
            )
        )
        fill(server)
        contestants = [Contestant("the site, all walls on, gthread 2x4", site.origin, site.process.pid)]
        for name, command in OTHERS.items():
            contestants.append(stack.enter_context(running(name, command, logs / name.split(",")[0], server.url)))
        lists = {tuple(shown(each, "person-1")) for each in contestants}
        if len(lists) != 1 or len(*lists) != 50:
            sys.exit("They do not show the same 50 tasks.")
        with psycopg.connect(server.url) as connection:
            (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
            (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
        database = psutil.Process(int((Path(data) / "postmaster.pid").read_text().split()[0]))
        for each in contestants:
            play(each, database, "/", "person-1")  # to warm up
        for _ in range(ROUNDS):
            for each in contestants:
                each.rounds.append(play(each, database, "/", "person-1"))
        failed = [each.name for each in contestants if any(played.failed for played in each.rounds)]
        if failed:
            sys.exit(f"Errors were answered by {', '.join(failed)}.")
        lines = [
            "# What the list costs",
            "",
            machine(version),
            "",
            *table(contestants),
            "",
            "The first page of the site by the tasks that somebody owns:",
            "",
            *growth(contestants[0], database),
            "",
        ]
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
