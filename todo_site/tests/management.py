"""Runs ``manage.py`` in new processes that are forked from one which has imported Django: half of the time is saved."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        *("django.contrib.admin", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"),
        *("django.core.management.commands.migrate", "django.core.management.commands.makemigrations"),
        *("django.db.backends.sqlite3.base", "django.db.backends.postgresql.base", "django.template.backends.jinja2"),
        *("brotli", "cryptography", "environ", "jwt", "prometheus_client", "urllib3", "whitenoise.middleware"),
    ]
)


def manage(*arguments: str, environment: dict[str, str]) -> str:
    """Run a management command and return what it printed. Raise CalledProcessError if it failed."""
    status, output = try_to_manage(*arguments, environment=environment)
    if status:
        raise subprocess.CalledProcessError(status, ["manage.py", *arguments], output)
    return output


def try_to_manage(*arguments: str, environment: dict[str, str], with_errors: bool = False) -> tuple[int, str]:
    """Run a management command. Return its status, and what it printed; ``with_errors``: to stderr, too."""
    with tempfile.NamedTemporaryFile("r") as output:
        options = (arguments, {**os.environ, **environment}, output.name, with_errors)
        process = FORKED.Process(target=run, args=options)
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, output.read()


def run(arguments: tuple[str, ...], environment: dict[str, str], output: str, with_errors: bool) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["manage.py", *arguments]
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    with Path(output).open("w") as file:
        for descriptor in (1, 2) if with_errors else (1,):
            os.dup2(file.fileno(), descriptor)
    runpy.run_path("manage.py", run_name="__main__")
