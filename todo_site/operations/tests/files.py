"""A database file with rows, and what is in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

type Rows = dict[str, list[tuple[Any, ...]]]


def run(command: str, file: Path) -> str:
    output = StringIO()
    call_command(command, str(file), stdout=output)
    return output.getvalue()


def rows(file: Path) -> Rows:
    with closing(sqlite3.connect(file)) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: opened.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall() for table in tables}


def rows_of(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute(query).fetchall()


def beside(file: Path) -> list[str]:
    """The files in a database's folder but for the two that SQLite itself makes and takes away."""
    return sorted(each.name for each in file.parent.iterdir() if not each.name.endswith(("-wal", "-shm")))


def damage(file: Path) -> None:
    """Overwrite the inside of every page but the first, so that the file still opens."""
    content = bytearray(file.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 2000] = b"\xff" * 2000
    file.write_bytes(content)
