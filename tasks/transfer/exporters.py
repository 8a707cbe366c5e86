"""All that one person has here, as a stream: read by keyset in chunks, so that it is never in memory at once.

No statement and no transaction stays open between two chunks. What changes meanwhile is therefore in it as it was when
its chunk was read; a task that goes into the trash or comes out of it meanwhile may be in both, and is in one at least.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from typing import Any

from django.db.models import F
from django.db.models.fields.tuple_lookups import TupleGreaterThan

from tasks.models import Task
from todo_site.journal.models import JournalEntry, JournalEntryQuerySet, to_rfc3339
from todo_site.ownership.row_level_security import scoped_to

from .contract import CSV_COLUMNS, VERSION, escape_cell, to_contract

CHUNK = 500

type Chunk = list[dict[str, Any]]


def as_json(user_id: str, exported_at: str, last_number: int) -> Iterator[str]:
    """The pieces of one JSON object. It is whole only with its last piece: one that was cut off does not parse."""
    yield f'{{"contract": {json.dumps(VERSION)}, "exported_at": {json.dumps(exported_at)}'
    parts = {
        "tasks": export_tasks(user_id),
        "trash": export_trash(user_id, last_number),
        "journal": export_journal(user_id),
    }
    for name, chunks in parts.items():
        yield f',\n"{name}": ['
        before = "\n"
        for chunk in chunks:
            yield before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in chunk)
            before = ",\n"
        yield "\n]"
    yield "}\n"


def as_csv(user_id: str, last_number: int) -> Iterator[str]:
    """The pieces of a CSV file for spreadsheets: the tasks, and behind them those of the trash."""
    yield "\ufeff" + csv_lines([CSV_COLUMNS])
    for chunks in (export_tasks(user_id), export_trash(user_id, last_number)):
        for chunk in chunks:
            yield csv_lines([cell(row.get(column)) for column in CSV_COLUMNS] for row in chunk)


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    lines = StringIO(newline="")
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(rows)
    return lines.getvalue()


def cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape_cell(str(value))


def export_tasks(user_id: str) -> Iterator[Chunk]:
    """Chunks of tasks in the order of their creation."""
    tasks = Task.objects.for_user(user_id).order_by("created_at", "id")

    def behind(last: Task | None) -> list[Task]:
        beyond = [TupleGreaterThan((F("created_at"), F("id")), (last.created_at, last.id))] if last else []
        return list(tasks.filter(*beyond)[:CHUNK])

    for chunk in keyset(user_id, behind):
        yield [to_contract(user_id, task.id, task.to_state()) for task in chunk]


def export_trash(user_id: str, last_number: int) -> Iterator[Chunk]:
    """Chunks of tasks as they were when they were deleted: what was in the trash at this entry, or came there since."""
    deletions = user_journal(user_id).in_trash(until=last_number).order_by("number")
    for chunk in keyset(user_id, entries_behind(deletions)):
        yield [
            to_contract(user_id, entry.task_id, {field: pair[0] for field, pair in entry.changes.items()})
            | {"deleted_at": to_rfc3339(entry.at)}
            for entry in chunk
        ]


def export_journal(user_id: str) -> Iterator[Chunk]:
    """Chunks of all entries of the journal in their order."""
    for chunk in keyset(user_id, entries_behind(user_journal(user_id).order_by("number"))):
        yield [{**entry.record(), "hash": entry.hash} for entry in chunk]


def user_journal(user_id: str) -> JournalEntryQuerySet:
    return JournalEntry.objects.for_user(user_id)


def entries_behind(entries: JournalEntryQuerySet) -> Callable[[JournalEntry | None], list[JournalEntry]]:
    return lambda last: list(entries.filter(number__gt=last.number if last else 0)[:CHUNK])


def keyset[Row](user_id: str, behind: Callable[[Row | None], list[Row]]) -> Iterator[list[Row]]:
    """Chunks of rows, each read behind the last row of the one before, and behind the wall.

    The wall stands while a chunk is read and not between: the connection may serve somebody else then.
    """
    last: Row | None = None
    while True:
        with scoped_to(lambda: user_id):
            chunk = behind(last)
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1]
