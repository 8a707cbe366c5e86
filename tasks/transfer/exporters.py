"""Exports of one user's data as streams. Rows are read by keyset in chunks, so that memory use is constant.

No query or transaction stays open between two chunks. Each chunk shows the data at the time it was read. A task that is
deleted or restored during the export appears at least once, and possibly both as a task and in the trash.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from tasks.models import Task
from todo_site.journal.canonical import to_rfc3339
from todo_site.journal.models import JournalEntry
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.registry import Ownership, exported_models
from todo_site.ownership.streaming import stream_rows

from .contract import CSV_COLUMNS, VERSION, escape_cell, to_contract

type Chunk = list[dict[str, Any]]


def stream_json(user_id: str, exported_at: str, last_number: int) -> Iterator[str]:
    """Yield the parts of one JSON object. A file that was cut off lacks the last part and is not valid JSON."""
    yield f'{{"contract": {json.dumps(VERSION)}, "exported_at": {json.dumps(exported_at)}'
    for key, chunks in export_sections(user_id, last_number):
        yield f',\n"{key}": ['
        separator = "\n"
        for chunk in chunks:
            yield separator + ",\n".join(json.dumps(row, ensure_ascii=False, default=to_json_text) for row in chunk)
            separator = ",\n"
        yield "\n]"
    yield "}\n"


def export_sections(user_id: str, last_number: int) -> Iterator[tuple[str, Iterator[Chunk]]]:
    """Yield the rows of each exported model by its key. The trash follows the tasks."""
    for key, model in exported_models().items():
        yield key, export_rows(model, user_id)
        if model is Task:
            yield "trash", export_trash(user_id, last_number)


def export_rows(model: type[OwnedBase], user_id: str) -> Iterator[Chunk]:
    rows = model.objects.for_user(user_id)
    for chunk in stream_rows(rows, Ownership.from_model(model).order):
        yield [row.to_export() for row in chunk]


def export_trash(user_id: str, last_number: int) -> Iterator[Chunk]:
    """Yield deleted tasks, as they were before the deletion.

    These are the tasks that were in the trash at the entry ``last_number``, and those that were deleted since.
    """
    deletions = JournalEntry.objects.for_user(user_id).in_trash(until=last_number)
    for entries in stream_rows(deletions, Ownership.from_model(JournalEntry).order):
        yield [
            to_contract(user_id, entry.task_id, {name: pair[0] for name, pair in entry.changes.items()})
            | {"deleted_at": to_rfc3339(entry.at)}
            for entry in entries
        ]


def to_json_text(value: object) -> str:
    return to_rfc3339(value) if isinstance(value, datetime) else str(value)


def stream_csv(user_id: str, last_number: int) -> Iterator[str]:
    """Yield the parts of a CSV file for spreadsheets: the tasks, then the trash."""
    yield "\ufeff" + format_csv([CSV_COLUMNS])
    for chunks in (export_rows(Task, user_id), export_trash(user_id, last_number)):
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
