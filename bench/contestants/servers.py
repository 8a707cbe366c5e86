"""The contestants: how each is started, and nothing of this machine's environment that would change what they do."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

from todo_site.tests import environment
from todo_site.tests.server import ROOT, free_port, running_server

KEPT = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR"}
# Everything on, and no worker replaced in the middle of a round. Each person asks from an address of their own.
SITE = {"RATE_LIMITS": "true", "TRUSTED_PROXIES": "1", "WEB_CONCURRENCY": "2"}
GTHREAD, SYNC = "--max-requests=0", "--max-requests=0 --worker-class=sync --threads=1"
GUNICORN = ["gunicorn", "--bind=127.0.0.1:{port}", "--workers=2"]
COMMANDS = {
    "the floor, gthread 2x4": [*GUNICORN, "--threads=4", "bench.contestants.floor:application"],
    "the floor, sync x2": [*GUNICORN, "bench.contestants.floor:application"],
    "FastAPI, SQLModel, asyncpg, Jinja2, uvicorn x2": [
        *("uvicorn", "--port={port}", "--workers=2", "--no-access-log", "--loop=uvloop", "--http=httptools"),
        "bench.contestants.fastapi_app:app",
    ],
    "Django as usually written, gthread 2x4": [*GUNICORN, "--threads=4", "bench.contestants.django_app:application"],
}
SITE_GTHREAD, SITE_SYNC = "the site, gthread 2x4", "the site, sync x2"
FLOOR_GTHREAD, FLOOR_SYNC, FASTAPI, USUAL = COMMANDS


@dataclass
class Contestant:
    name: str
    origin: str
    pid: int
    log: Path
    served: int = 0  # requests

    @property
    def keeps_journal(self) -> bool:
        return self.name in {SITE_GTHREAD, SITE_SYNC}

    def processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def memory(self) -> float:
        """Of its largest process, in MB."""
        return float(max(process.memory_info().rss for process in self.processes()) / 2**20)

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def cpu(processes: list[psutil.Process]) -> dict[int, float]:
    """Seconds that each of them has used."""
    used = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # such as one of the database's that tidied up
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0) for pid, seconds in after.items())


def clear_environment() -> None:
    """Leave nothing in it but what programs need to run at all, and the site's settings at their defaults.

    An empty variable of the site means its default, whatever a file .env says.
    """
    for name in os.environ.keys() - KEPT - environment.ENVIRONMENT.keys():
        del os.environ[name]
    for name in re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE):
        os.environ.setdefault(name, "")
    os.environ["DJANGO_SETTINGS_MODULE"] = "todo_site.settings"


def require_tools() -> None:
    if not shutil.which("wrk"):
        sys.exit("The load is made by wrk, which is not there (on Debian: apt install wrk).")


@contextmanager
def running(name: str, folder: Path, url: str, **settings: str) -> Iterator[Contestant]:
    """Start a contestant in front of this database, and end it."""
    log = folder / f"{re.sub('[^a-zA-Z0-9]+', '-', name)}-{free_port()}.log"
    if name in COMMANDS:
        with running_other(name, log, url) as contestant:
            yield contestant
        return
    arguments = SYNC if name == SITE_SYNC else GTHREAD
    settings = {**SITE, "DATABASE_URL": url, "GUNICORN_CMD_ARGS": arguments, **settings}
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_server(log, **settings))
        except (RuntimeError, TimeoutError, subprocess.CalledProcessError) as error:
            sys.exit(f"{name} did not start: {error}\n{log.read_text() if log.exists() else ''}")
        yield Contestant(name, server.origin, server.process.pid, log)


@contextmanager
def running_other(name: str, log: Path, url: str) -> Iterator[Contestant]:
    port = free_port()
    named = {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    named["BETTER_AUTH_SECRET"] = environment.ENVIRONMENT["BETTER_AUTH_SECRET"]
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    command = [sys.executable, "-m", *(word.replace("{port}", str(port)) for word in COMMANDS[name])]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env={**kept, **named}, stdout=output, stderr=output)
        contestant = Contestant(name, f"http://127.0.0.1:{port}", process.pid, log)
        try:
            wait_for_port(process, port, contestant)
            yield contestant
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for_port(process: subprocess.Popen[bytes], port: int, contestant: Contestant) -> None:
    end = monotonic() + 30
    while process.poll() is None and monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            sleep(0.05)
    sys.exit(f"{contestant.name} did not start:\n{contestant.last_words()}")
