"""The site as it runs in production: migrated, with gunicorn in front of it, on a port of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from django.db import connection

from todo_site.tests.postgresql import new_database, pooled

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running gunicorn: its master process and where it answers."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def manage(*arguments: str, environment: dict[str, str]) -> str:
    """Run ``manage.py`` and return what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, check=True, text=True, stdout=subprocess.PIPE
    )
    return done.stdout


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """The address of an empty database of the kind that the suite runs on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    with new_database() as url:
        yield url


@contextmanager
def running_site(log: Path, application: str = "", **settings: str) -> Iterator[str]:
    """Serve the site, or another WSGI application, with these settings; yields its origin. ``log`` gets its output."""
    with running_server(log, application, **settings) as server:
        yield server.origin


@contextmanager
def running_server(log: Path, application: str = "", **settings: str) -> Iterator[Server]:
    """As running_site(); yields the server."""
    port = free_port()
    environment = {"PORT": str(port), "WEB_CONCURRENCY": "2", **settings}
    manage("migrate", "--verbosity", "0", "--skip-checks", environment=environment)
    # As in production: migrate goes past the pooler and the site through it.
    environment["DATABASE_URL"] = pooled(environment.get("DATABASE_URL") or os.environ["DATABASE_URL"])
    command = [sys.executable, "-m", "gunicorn", "--config", "python:todo_site.gunicorn"]
    command += [application] if application else []
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        server = Server(process, port)
        try:
            wait_until_it_answers(process, f"{server.origin}/healthz")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # at once: a browser may still hold a connection
            process.wait(timeout=60)


def wait_until_it_answers(server: subprocess.Popen[bytes], address: str, seconds: float = 30) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server stopped with status {server.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:  # URLError, or no answer in time
            continue
    raise TimeoutError(f"{address} did not answer within {seconds} s")
