"""The site as it runs in production: migrated, with gunicorn in front of it, on a port of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from urllib.error import URLError

ROOT = Path(__file__).resolve().parents[2]


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
def running_site(log: Path, **settings: str) -> Iterator[str]:
    """Serve the site with these settings; yields its origin. Its output goes to the file ``log``."""
    port = free_port()
    environment = {"PORT": str(port), "WEB_CONCURRENCY": "2", **settings}
    manage("migrate", "--verbosity", "0", environment=environment)
    command = [sys.executable, "-m", "gunicorn", "--config", "python:todo_site.gunicorn"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            origin = f"http://127.0.0.1:{port}"
            wait_until_it_answers(server, f"{origin}/sign-in/")
            yield origin
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_until_it_answers(server: subprocess.Popen[bytes], address: str, seconds: float = 30) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server stopped with status {server.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except URLError:
            continue
    raise TimeoutError(f"{address} did not answer within {seconds} s")
