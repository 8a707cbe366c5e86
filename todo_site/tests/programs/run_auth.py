"""``make run-auth``: the site with a Better Auth server beside it, on a PostgreSQL server in ``build/run-auth``."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from todo_site.tests.postgresql import OwnServer
from todo_site.tests.server import ROOT

FOLDER = ROOT / "build" / "run-auth"
AUTH_PORT = os.environ.get("AUTH_PORT", "3000")


def main() -> None:
    """Serve until Ctrl+C. The data stays for the next time; delete the folder to begin again."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    database = OwnServer(FOLDER / "postgresql")
    origin = f"http://127.0.0.1:{AUTH_PORT}"
    settings = {"DATABASE_URL": database.url, "BETTER_AUTH_SECRET": read_secret(FOLDER / "secret")}
    site = settings | {"SECRET_KEY": settings["BETTER_AUTH_SECRET"], "BETTER_AUTH_URL": origin}
    auth = subprocess.Popen(
        ["node", "server.mjs"],
        cwd=ROOT / "auth_server",
        env={**os.environ, **settings, "PORT": AUTH_PORT, "HOST": "127.0.0.1", "BETTER_AUTH_URL": origin},
    )
    try:
        run(site, "manage.py", "migrate", "--verbosity", "0")
        print(f"\n  Better Auth is at {origin}", flush=True)
        with suppress(KeyboardInterrupt):
            run(site, "-m", "gunicorn", "--config", "python:todo_site.gunicorn")
    finally:
        auth.terminate()
        auth.wait(timeout=10)
        database.stop("fast")


def run(settings: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **settings}, check=False)


def read_secret(path: Path) -> str:
    if not path.exists():
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit())
    main()
