"""The site as it runs in production: gunicorn on a port of its own, and databases for it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings as django_settings
from django.db import connection
from psycopg import sql

from todo_site.tests import management
from todo_site.tests.management import manage
from todo_site.tests.postgresql import address, new_database, pooled, server_connection

ROOT = management.ROOT


@dataclass(frozen=True)
class Server:
    """A running gunicorn: its master process and its port."""

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


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """Yield the address of an empty database of the kind that the tests run on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    with new_database() as url:
        yield url


@contextmanager
def migrated_database(folder: Path) -> Iterator[str]:
    """As empty_database(), with all migrations applied: a copy of one that was migrated once."""
    if connection.vendor == "sqlite":
        shutil.copy(sqlite_template(), folder / "db.sqlite3")
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    with new_database(postgresql_template()) as url:
        yield url


@cache
def postgresql_template() -> str:
    """Return the name of a migrated database. The first process of a run that needs it creates it."""
    name = f"todo_template_{os.environ['TEST_RUN']}"
    with server_connection() as server:
        server.execute("SELECT pg_advisory_lock(1)")  # the other processes wait here
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            manage("migrate", "--verbosity", "0", "--skip-checks", environment={"DATABASE_URL": address(name)})
    return name


@cache
def sqlite_template() -> Path:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    file = Path(folder.name) / "template.sqlite3"
    manage("migrate", "--verbosity", "0", "--skip-checks", environment={"DATABASE_URL": f"sqlite:///{file}"})
    return file


@contextmanager
def running_site(log: Path, application: str = "", **settings: str) -> Iterator[str]:
    """As running_server(), but yield the origin."""
    with running_server(log, application, **settings) as server:
        yield server.origin


@contextmanager
def running_server(log: Path, application: str = "", **settings: str) -> Iterator[Server]:
    """Migrate the database of these settings and serve the site, or another WSGI application, on it."""
    manage("migrate", "--verbosity", "0", "--skip-checks", environment=settings)
    with start_server(log, application, **settings) as server:
        yield server


@contextmanager
def start_server(log: Path, application: str = "", **settings: str) -> Iterator[Server]:
    """Serve the site with these settings. ``log`` gets what it prints."""
    port, static = free_port(), str(django_settings.STATIC_ROOT)
    environment = {"PORT": str(port), "WEB_CONCURRENCY": "2", "STATIC_ROOT": static, **settings}
    # As in production: migrate goes past the pooler and the site through it. The tests' pooler is older than what
    # prepared statements need.
    if "DB_PREPARED_STATEMENTS" not in settings:
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
            sleep(0.05)
    raise TimeoutError(f"{address} did not answer within {seconds} s")
