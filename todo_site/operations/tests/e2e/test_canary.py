"""The canary on a running site, and on one that shows rows of other users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tasks.legacy.tests.schema_dump import rows
from todo_site.tests.server import ROOT, migrated_database, start_server


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_database(tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture(scope="module")
def site(database: str, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[str]:
    """A site without other tests' rows."""
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with start_server(log, DATABASE_URL=database, TRUSTED_PROXIES="1") as server:
        yield server.origin


def canary(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "canary", "--skip-checks", *arguments]
    environment = {**os.environ, "DATABASE_URL": database}
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)


def readiness(site: str) -> tuple[int, str]:
    try:
        with urlopen(f"{site}/readyz") as answer:
            return answer.status, json.load(answer)["canary"]
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["canary"]


def test_sees_its_own_and_leaves_no_session_behind(site: str, database: str) -> None:
    first = canary(database, "--url", site)
    assert (first.returncode, first.stdout) == (0, "No page showed data of the other account.\n"), first.stderr
    assert len(rows(database)) == 4
    assert rows(database, '"session"') == []
    assert rows(database, "account") == []
    assert readiness(site) == (200, "ok")


def test_says_when_it_cannot_see(site: str, database: str) -> None:
    for url in ("http://127.0.0.1:9", f"{site}/nothing-here"):
        done = canary(database, "--url", url)
        assert done.returncode == 1
        assert "The check could not be completed" in done.stderr
    assert readiness(site) == (200, "ok")


def test_makes_the_site_unready_when_a_page_shows_somebody_elses_rows(site: str, database: str, tmp_path: Path) -> None:
    assert canary(database, "--url", site).returncode == 0
    options = {"DATABASE_URL": database, "ROW_LEVEL_SECURITY": "false"}
    without_layers = "todo_site.tests.row_level_security_only:site()"
    tasks = rows(database)
    with start_server(tmp_path / "log", application=without_layers, **options) as server:
        done = canary(database, "--url", server.origin)
    assert done.returncode == 1
    for route in ("/?status=all", "/export/tasks.json", "/export/tasks.csv", "/tasks/<uuid:task_id>/", "(its count)"):
        assert route in done.stderr
    alerts = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {alert["level"] for alert in alerts} == {"CRITICAL"}
    assert not any(task["title"] in done.stderr for task in tasks)
    assert readiness(site) == (503, "found")
    assert canary(database, "--url", site).returncode == 0
    assert readiness(site) == (503, "found"), "a leak that comes and goes is still a leak"
    assert rows(database) == tasks
    assert canary(database, "--clear").returncode == 0
    assert readiness(site) == (200, "ok")
