"""Exports of one user's data as streams. Rows are read by keyset in chunks, so that memory use is constant.

No query or transaction stays open between two chunks. Each chunk shows the data at the time it was read. A task that is
deleted or restored during the export appears at least once, and possibly both as a task and in the trash.
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

from .contract import CSV_COLUMNS, VERSION, ExportedTask, escape_cell, to_contract

CHUNK_SIZE = 500

type Chunk = list[dict[str, Any]]


def stream_json(user_id: str, exported_at: str, last_number: int) -> Iterator[str]:
    """Yield the parts of one JSON object. An export that was cut off is not valid JSON."""
    yield f'{{"contract": {json.dumps(VERSION)}, "exported_at": {json.dumps(exported_at)}'
    parts = {
        "tasks": export_tasks(user_id),
        "trash": export_trash(user_id, last_number),
        "journal": export_journal(user_id),
    }
    for name, chunks in parts.items():
        yield f',\n"{name}": ['
        separator = "\n"
        for chunk in chunks:
            yield separator + ",\n".join(json.dumps(row, ensure_ascii=False) for row in chunk)
            separator = ",\n"
        yield "\n]"
    yield "}\n"


def stream_csv(user_id: str, last_number: int) -> Iterator[str]:
    """Yield the parts of a CSV file for spreadsheets: the tasks, then the trash."""
    yield "\ufeff" + format_csv([CSV_COLUMNS])
    for chunks in (export_tasks(user_id), export_trash(user_id, last_number)):
        for chunk in chunks:
            yield format_csv([format_cell(row.get(column)) for column in CSV_COLUMNS] for row in chunk)


def format_csv(rows: Iterable[Iterable[str]]) -> str:
    lines = StringIO(newline="")
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(rows)
    return lines.getvalue()


def format_cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape_cell(str(value))


def export_tasks(user_id: str) -> Iterator[Chunk]:
    """Yield chunks of tasks in the order of their creation."""
    tasks = Task.objects.for_user(user_id).order_by("created_at", "id")

    def fetch_after(last: Task | None) -> list[Task]:
        conditions = [TupleGreaterThan((F("created_at"), F("id")), (last.created_at, last.id))] if last else []
        return list(tasks.filter(*conditions)[:CHUNK_SIZE])

    for chunk in fetch_chunks(user_id, fetch_after):
        yield [to_contract(ExportedTask(user_id, task.id, task.to_state())) for task in chunk]


def export_trash(user_id: str, last_number: int) -> Iterator[Chunk]:
    """Yield chunks of deleted tasks, as they were before the deletion.

    These are the tasks that were in the trash at the entry ``last_number``, and those that were deleted since.
    """
    deletions = JournalEntry.objects.for_user(user_id).in_trash(until=last_number)
    for entries in fetch_entry_chunks(user_id, deletions):
        yield [
            to_contract(ExportedTask(user_id, entry.task_id, {name: pair[0] for name, pair in entry.changes.items()}))
            | {"deleted_at": to_rfc3339(entry.at)}
            for entry in entries
        ]


def export_journal(user_id: str) -> Iterator[Chunk]:
    """Yield chunks of all journal entries in their order."""
    for entries in fetch_entry_chunks(user_id, JournalEntry.objects.for_user(user_id)):
        yield [{**entry.record(), "hash": entry.hash} for entry in entries]


def fetch_entry_chunks(user_id: str, entries: JournalEntryQuerySet) -> Iterator[list[JournalEntry]]:
    def fetch_after(last: JournalEntry | None) -> list[JournalEntry]:
        return list(entries.filter(number__gt=last.number if last else 0).order_by("number")[:CHUNK_SIZE])

    return fetch_chunks(user_id, fetch_after)


def fetch_chunks[Row](user_id: str, fetch_after: Callable[[Row | None], list[Row]]) -> Iterator[list[Row]]:
    """Yield chunks of rows. ``fetch_after`` returns the chunk after a row, or the first chunk for None.

    Row-level security applies while a chunk is read. Between chunks the connection may serve another user.
    """
    last: Row | None = None
    while True:
        with scoped_to(lambda: user_id):
            chunk = fetch_after(last)
        if chunk:
            yield chunk
        if len(chunk) < CHUNK_SIZE:
            return
        last = chunk[-1]
