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
    with tempfile.NamedTemporaryFile("r") as output:
        process = FORKED.Process(target=run, args=(arguments, {**os.environ, **environment}, output.name))
        process.start()
        process.join()
        if process.exitcode:
            raise subprocess.CalledProcessError(process.exitcode, ["manage.py", *arguments], output.read())
        return output.read()


def run(arguments: tuple[str, ...], environment: dict[str, str], output: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["manage.py", *arguments]
    with Path(output).open("w") as file:
        os.dup2(file.fileno(), 1)
    runpy.run_path("manage.py", run_name="__main__")
