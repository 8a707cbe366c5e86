"""The canary on a running site: what it makes, what it sees, and what it says when a layer is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from django.conf import settings

from tasks.legacy.tests.schema_dump import rows
from todo_site.tests.server import ROOT, running_site

# The same whatever the database.
pytestmark = pytest.mark.sqlite


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
        assert "The canary cannot see" in done.stderr
    assert readiness(site) == (200, "ok")


def test_makes_the_site_unready_when_a_page_shows_somebody_elses_rows(site: str, database: str, tmp_path: Path) -> None:
    options = {"DATABASE_URL": database, "ROW_LEVEL_SECURITY": "false", "STATIC_ROOT": str(settings.STATIC_ROOT)}
    without_layers = "todo_site.tests.row_level_security_only:site()"
    tasks = rows(database)
    with running_site(tmp_path / "log", application=without_layers, **options) as leaking:
        done = canary(database, "--url", leaking)
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
