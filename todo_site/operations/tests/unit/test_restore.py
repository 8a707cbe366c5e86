"""The command restore."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError

from todo_site.operations.tests.files import beside, damage, rows, rows_of, run
from todo_site.tests.management import manage


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute(statement)


@pytest.mark.sqlite
def test_restores_what_was_backed_up_and_keeps_what_was_there(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    before = rows(database)
    change(database, "UPDATE user SET name = 'changed'")
    changed = rows(database)
    database.chmod(0o640)
    output = run("restore", backup)
    assert rows(database) == before
    assert stat.S_IMODE(database.stat().st_mode) == 0o640
    [kept] = tmp_path.glob("db.sqlite3.before-restore-*")
    assert rows(kept) == changed
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert str(kept) in output
    assert rows(backup) == before


@pytest.mark.sqlite
def test_keeps_what_is_written_and_not_yet_in_the_file_itself(database: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup")
    written_and_killed = (
        "import os, sqlite3, sys\n"
        "site = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "site.execute('PRAGMA journal_mode=WAL')\n"
        "site.execute(\"UPDATE user SET name = 'last'\")\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", written_and_killed, str(database)], check=False)
    assert (tmp_path / "db.sqlite3-wal").stat().st_size > 0
    run("restore", tmp_path / "backup")
    [kept] = tmp_path.glob("db.sqlite3.before-restore-*")
    assert {row[0] for row in rows_of(kept, "SELECT name FROM user")} == {"last"}
    assert rows(database) == rows(tmp_path / "backup")


@pytest.mark.sqlite
def test_restores_where_no_database_is(database: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup")
    before = rows(database)
    database.unlink()
    run("restore", tmp_path / "backup")
    assert rows(database) == before
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert beside(database) == ["backup", "db.sqlite3"]


@pytest.mark.sqlite
def test_restores_nothing_while_somebody_uses_the_database(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "backup")
    monkeypatch.setattr("todo_site.operations.sqlite_backup.RESTORE_LOCK_TIMEOUT", 0.1)
    with closing(sqlite3.connect(database, isolation_level=None)) as site:
        site.execute("PRAGMA journal_mode=WAL")
        site.execute("BEGIN IMMEDIATE")
        site.execute("UPDATE user SET name = 'changed'")
        with pytest.raises(CommandError, match="If the site is running"):
            run("restore", tmp_path / "backup")
        site.execute("COMMIT")
    assert {row[0] for row in rows_of(database, "SELECT name FROM user")} == {"changed"}
    assert not list(tmp_path.glob("*before-restore*"))


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE django_migrations", "not a database of this site"),
        ("DELETE FROM django_migrations WHERE app = 'better_auth'", "not a database of this site"),
        (
            "INSERT INTO django_migrations (app, name, applied) VALUES ('tasks', '9999_later', '2030-01-01')",
            "9999_later",
        ),
    ],
)
def test_refuses_a_database_that_it_does_not_know(database: Path, tmp_path: Path, statement: str, message: str) -> None:
    run("backup", tmp_path / "backup")
    change(tmp_path / "backup", statement)
    check_refused(database, tmp_path / "backup", message)


@pytest.mark.sqlite
@pytest.mark.parametrize("content", [b"", b"no database\n" * 1000])
def test_refuses_what_is_no_database(database: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backup").write_bytes(content)
    check_refused(database, tmp_path / "backup", "not a database")


@pytest.mark.sqlite
def test_refuses_a_damaged_backup(database: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup")
    damage(tmp_path / "backup")
    check_refused(database, tmp_path / "backup", "damaged|malformed")


@pytest.mark.sqlite
def test_refuses_a_backup_that_is_not_there(database: Path, tmp_path: Path) -> None:
    check_refused(database, tmp_path / "backup", "cannot be read")
    assert beside(database) == ["db.sqlite3"]


def check_refused(database: Path, backup: Path, message: str) -> None:
    before = rows(database)
    with pytest.raises(CommandError, match=message):
        run("restore", backup)
    assert rows(database) == before
    assert not list(database.parent.glob("*before-restore*"))


@pytest.mark.sqlite
def test_says_how_to_restore_over_a_damaged_database(database: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup")
    damage(database)
    with pytest.raises(CommandError, match="Move it and its"):
        run("restore", tmp_path / "backup")
    database.rename(tmp_path / "damaged")
    run("restore", tmp_path / "backup")
    assert rows(database) == rows(tmp_path / "backup")


@pytest.mark.sqlite
def test_takes_an_older_backup_and_says_that_it_wants_migrations(database: Path, tmp_path: Path) -> None:
    change(database, "DELETE FROM django_migrations WHERE app = 'auth'")
    run("backup", tmp_path / "backup")
    assert "Run manage.py migrate" in run("restore", tmp_path / "backup")


@pytest.mark.sqlite
def test_serves_on_after_a_restore(database: Path, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{database}"}
    manage("backup", str(tmp_path / "backup"), environment=environment)
    manage("demo", environment=environment)
    manage("restore", str(tmp_path / "backup"), environment=environment)
    manage("migrate", "--check", environment=environment)
    assert rows(database) == rows(tmp_path / "backup")
