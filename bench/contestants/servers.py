"""Start the contestants, each with the same two processes, the same database and a clean environment."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Retry
from urllib3.exceptions import MaxRetryError

from bench.contestants.shared import SECRET
from todo_site.tests.server import free_port

ROOT = Path(__file__).resolve().parents[2]
WORKERS, MAX_CONNECTIONS = 2, 64
SITE_GTHREAD, SITE_SYNC = "the site, gthread 2x4", "the site, sync x2"
FLOOR_GTHREAD, FLOOR_SYNC = "the floor, gthread 2x4", "the floor, sync x2"
FASTAPI = "FastAPI, SQLModel, asyncpg, Jinja2, uvicorn x2"
DJANGO = "Django as usually written, gthread 2x4"
SITES = (SITE_GTHREAD, SITE_SYNC)
MAIN_CONTESTANTS = (SITE_GTHREAD, FLOOR_GTHREAD, FASTAPI, DJANGO)  # sync workers only serve the list

GUNICORN = ("gunicorn", "--bind=127.0.0.1:{port}", "--max-requests=0", "--no-control-socket")
UVICORN = ("uvicorn", "--port={port}", "--no-access-log", "--loop=uvloop", "--http=httptools")
COMMANDS = {
    SITE_GTHREAD: (*GUNICORN, "--config=python:todo_site.gunicorn"),
    SITE_SYNC: (*GUNICORN, "--config=python:todo_site.gunicorn", "--worker-class=sync", "--threads=1"),
    FLOOR_GTHREAD: (*GUNICORN, "--threads=4", "bench.contestants.floor:application"),
    FLOOR_SYNC: (*GUNICORN, "bench.contestants.floor:application"),
    FASTAPI: (*UVICORN, "bench.contestants.fastapi_app:app"),
    DJANGO: (*GUNICORN, "--threads=4", "bench.contestants.django_app:application"),
}
PEER = "peer"  # the login of the other contestants: their "task" is a table without triggers
INHERITED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR"}
ENVIRONMENT = {
    "SECRET_KEY": "only-for-the-benchmark-" + "k" * 40,
    "BETTER_AUTH_SECRET": SECRET,
    "ALLOWED_HOSTS": "127.0.0.1",
    "WEB_CONCURRENCY": str(WORKERS),  # the number of processes of gunicorn and of uvicorn
    "TRUSTED_PROXIES": "1",  # each user has an address, so that the site's rate limits apply to users and not to wrk
}


@dataclass
class Server:
    """A running contestant."""

    name: str
    port: int
    process: psutil.Popen
    log: Path
    served: int = 0  # requests
    pool: HTTPConnectionPool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = HTTPConnectionPool("127.0.0.1", self.port, timeout=60, maxsize=MAX_CONNECTIONS, retries=False)

    def request(
        self, path: str, headers: Mapping[str, str], body: str | None = None, *, preload_content: bool = True
    ) -> BaseHTTPResponse:
        """Send a request: a form if there is a body. Exit if the response is an error."""
        if body is not None:
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        response = self.pool.urlopen(
            "GET" if body is None else "POST",
            path,
            body,
            headers,
            preload_content=preload_content,
            decode_content=False,
        )
        if response.status >= 400:
            self.fail(f"{path} returned status {response.status}")
        return response

    def wait_until_ready(self) -> None:
        """Wait for the first response, whatever its status."""
        try:
            self.pool.urlopen("GET", "/", retries=Retry(300, redirect=False, backoff_factor=0.1, backoff_max=0.1))
        except MaxRetryError:
            self.fail("did not start")

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> float:
        """Return the memory of the largest process in MB."""
        return float(max(process.memory_info().rss for process in self.processes()) / 2**20)

    def fail(self, message: str) -> None:
        sys.exit(f"{self.name}: {message}.\n{self.log.read_text(errors='replace')[-2000:]}")


def cpu_milliseconds(processes: Iterable[psutil.Process]) -> Counter[int]:
    """Return the CPU time of each process by its id."""
    times: Counter[int] = Counter()
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # some processes of PostgreSQL are short-lived
            user, system, *_ = process.cpu_times()
            times[process.pid] = round(1000 * (user + system))
    return times


def environment(url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a contestant: nothing of the caller's settings, and the site's defaults."""
    inherited = {name: os.environ[name] for name in INHERITED & os.environ.keys()}
    # An empty variable means the default, even if there is a .env file.
    defaults = dict.fromkeys(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE), "")
    return {**inherited, **defaults, **ENVIRONMENT, "DATABASE_URL": url, **settings}


@contextmanager
def running(name: str, folder: Path, url: str, **settings: str) -> Iterator[Server]:
    """Start a contestant on this database and stop it at the end."""
    if name in SITES:
        settings = {"DB_PREPARED_STATEMENTS": "true", **settings}
    else:
        parts = urlsplit(url)
        url = parts._replace(netloc=f"{PEER}@{parts.netloc.rpartition('@')[2]}").geturl()
    port = free_port()
    command = [sys.executable, "-m", *(argument.format(port=port) for argument in COMMANDS[name])]
    log = folder / f"{port}.log"
    with log.open("w") as output:
        process = psutil.Popen(command, cwd=ROOT, env=environment(url, **settings), stdout=output, stderr=output)
    server = Server(name, port, process, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # gunicorn stops at once, whatever connections are open
        process.wait(timeout=30)
