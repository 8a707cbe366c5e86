"""The command backup."""

from __future__ import annotations

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError

from todo_site.operations.tests.files import beside, damage, rows, rows_of, run


@pytest.mark.sqlite
def test_backs_up_every_row_to_one_file_for_its_owner_alone(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    output = run("backup", backup)
    assert re.search(r"[0-9]+ tables with [0-9]+ rows, verified", output)
    assert rows(backup) == rows(database)
    assert len(rows(backup)["task"]) > 10
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert beside(database) == ["backup", "db.sqlite3"]


@pytest.mark.sqlite
def test_backs_up_what_is_written_and_not_yet_in_the_file_itself(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as site:
        site.execute("PRAGMA journal_mode=WAL")
        site.execute("UPDATE user SET name = 'written'")
        site.execute("BEGIN IMMEDIATE")
        site.execute("UPDATE user SET name = 'not yet'")
        run("backup", tmp_path / "backup")
    assert {row[0] for row in rows_of(tmp_path / "backup", "SELECT name FROM user")} == {"written"}


@pytest.mark.sqlite
def test_never_writes_a_backup_over_a_file(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.write_text("precious")
    with pytest.raises(CommandError, match="already exists"):
        run("backup", backup)
    assert backup.read_text() == "precious"
    assert beside(database) == ["backup", "db.sqlite3"]


@pytest.mark.sqlite
def test_says_that_a_backup_cannot_be_written(database: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        run("backup", tmp_path / "nowhere" / "backup")


@pytest.mark.sqlite
def test_keeps_no_backup_of_a_damaged_database(database: Path, tmp_path: Path) -> None:
    damage(database)
    with pytest.raises(CommandError, match=r"damaged|malformed"):
        run("backup", tmp_path / "backup")
    assert beside(database) == ["db.sqlite3"]


@pytest.mark.sqlite
def test_needs_a_database_that_is_a_file() -> None:
    with pytest.raises(CommandError, match="in memory"):
        run("backup", Path("backup"))
