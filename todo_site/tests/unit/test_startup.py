"""The start of the site with wrong settings, and with none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from todo_site.tests.server import ROOT

# The same whatever the database.
pytestmark = pytest.mark.sqlite
SECRET = "hunter2"
KEY = "only-for-tests-" + "k" * 40
POSTGRESQL = f"postgresql://todo:{SECRET}@127.0.0.1/todo"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example"
    path.write_text("# SECRET_KEY=\nSECRET_KEY=\nBETTER_AUTH_SECRET=\nDEBUG=false\n")
    return path


def copy_of_the_project(directory: Path) -> Path:
    """The project without anybody's .env."""
    for name in ("todo_site", "tasks", "templates", "static"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("manage.py", ".env.example"):
        shutil.copy(ROOT / name, directory / name)
    return directory


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("project"))


def run(project: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project with no other environment than this."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={"PATH": os.environ["PATH"], **variables},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("SECRET_KEY", {"DEBUG": "false", "DATABASE_URL": POSTGRESQL}),
        ("SECRET_KEY", {"DATABASE_URL": POSTGRESQL, "SECRET_KEY": ""}),
        ("SECRET_KEY", {"BETTER_AUTH_URL": f"http://{SECRET}:3000"}),
        ("BETTER_AUTH_URL", {"SECRET_KEY": KEY, "BETTER_AUTH_URL": SECRET}),
        ("DATABASE_URL", {"SECRET_KEY": KEY, "DATABASE_URL": f"mysql://todo:{SECRET}@127.0.0.1/todo"}),
        ("ROW_LEVEL_SECURITY", {"SECRET_KEY": KEY, "DATABASE_URL": POSTGRESQL, "ROW_LEVEL_SECURITY": SECRET}),
        ("DEBUG", {"SECRET_KEY": KEY, "DEBUG": SECRET}),
        ("DB_POOL_MAX_SIZE", {"SECRET_KEY": KEY, "DATABASE_URL": POSTGRESQL, "DB_POOL_MAX_SIZE": SECRET}),
        ("DB_POOL_MIN_SIZE", {"SECRET_KEY": KEY, "DATABASE_URL": POSTGRESQL, "DB_POOL_MIN_SIZE": "1"}),
        ("TRUSTED_PROXIES", {"SECRET_KEY": KEY, "TRUSTED_PROXIES": SECRET}),
        ("CSRF_TRUSTED_ORIGINS", {"SECRET_KEY": KEY, "CSRF_TRUSTED_ORIGINS": SECRET}),
    ],
)
def test_stops_with_one_line_that_names_the_variable(project: Path, name: str, variables: dict[str, str]) -> None:
    done = run(project, "manage.py", "check", **variables)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"{name} ")
    assert SECRET not in done.stderr
    assert (done.stdout, (project / ".env").exists()) == ("", False)


@pytest.mark.parametrize("name", ["PORT", "WEB_CONCURRENCY"])
def test_stops_the_server_with_one_line_too(project: Path, name: str) -> None:
    done = run(project, "-c", "import todo_site.gunicorn", **{"SECRET_KEY": KEY, name: SECRET})
    assert done.returncode != 0
    assert re.fullmatch(rf"{name} must be a whole number from \d to \d+\.\n", done.stderr)


@pytest.mark.parametrize("variables", [{}, {"DEBUG": "true", "DATABASE_URL": POSTGRESQL}], ids=["embedded", "debug"])
def test_makes_env_on_the_first_start_and_keeps_it(tmp_path: Path, variables: dict[str, str]) -> None:
    project = copy_of_the_project(tmp_path)
    code = "from django.conf import settings; print(settings.SECRET_KEY, settings.BETTER_AUTH_SECRET)"
    secrets = [run(project, "manage.py", "shell", "-v", "0", "-c", code, **variables).stdout for _ in range(2)]
    assert secrets[0] == secrets[1]
    assert len(set(secrets[0].split())) == 2
    assert all(secret in (project / ".env").read_text() for secret in secrets[0].split())
    assert (project / ".env").stat().st_mode & 0o777 == 0o600


def test_prefers_the_environment_to_env(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    (project / ".env").write_text(f"SECRET_KEY={KEY}\nBETTER_AUTH_COOKIE_PREFIX=a\nDEBUG={SECRET}\n")
    code = "from django.conf import settings; print(settings.SECRET_KEY, settings.BETTER_AUTH_COOKIE_PREFIX)"
    done = run(project, "manage.py", "shell", "-v", "0", "-c", code, DEBUG="false", BETTER_AUTH_COOKIE_PREFIX="b")
    assert done.stdout == f"{KEY} b\n"
    done = run(project, "manage.py", "check")
    assert re.fullmatch(r"DEBUG [^\n]+\n", done.stderr)
    assert SECRET not in done.stderr


def test_imports_nothing_that_only_some_requests_need(project: Path) -> None:
    """Each of these takes megabytes of every worker."""
    code = (
        "import sys, todo_site.wsgi; from django.urls import reverse; reverse('tasks:list');"
        "print({'cryptography', 'jwt', 'urllib3', 'todo_site.better_auth.client'} & sys.modules.keys())"
    )
    done = run(project, "-c", code, SECRET_KEY=KEY, DATABASE_URL="sqlite://:memory:")
    assert done.stdout == "set()\n", done.stderr
