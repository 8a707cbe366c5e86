"""A database in a file for the commands backup and restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.db import connection

from todo_site.tests.management import manage


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which somebody has tasks."""
    file = tmp_path_factory.mktemp("filled") / "db.sqlite3"
    manage("migrate", "--verbosity", "0", environment={"DATABASE_URL": f"sqlite:///{file}"})
    manage("demo", environment={"DATABASE_URL": f"sqlite:///{file}"})
    return file


@pytest.fixture
def database(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the one that the commands work on."""
    file = tmp_path / "db.sqlite3"
    shutil.copy(filled, file)
    monkeypatch.setitem(connection.settings_dict, "NAME", str(file))
    return file
