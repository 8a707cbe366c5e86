"""All that one person has here, as a stream: read by keyset in chunks, so that it is never in memory at once.

No statement and no transaction stays open between two chunks. What changes meanwhile is therefore in it as it was when
its chunk was read; a task that goes into the trash or comes out of it meanwhile may be in both, and is in one at least.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from tasks.models import Task
from todo_site.journal.models import JournalEntry, to_rfc3339
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.registry import Ownership, exported_models
from todo_site.ownership.streaming import stream_rows

from .contract import CSV_COLUMNS, VERSION, escape_cell, to_contract

type Chunk = list[dict[str, Any]]


def as_json(user_id: str, exported_at: str, last_number: int) -> Iterator[str]:
    """Yield the pieces of one JSON object. A file that was cut off lacks the last piece and does not parse."""
    yield f'{{"contract": {json.dumps(VERSION)}, "exported_at": {json.dumps(exported_at)}'
    for key, chunks in export_sections(user_id, last_number):
        yield f',\n"{key}": ['
        before = "\n"
        for chunk in chunks:
            yield before + ",\n".join(json.dumps(row, ensure_ascii=False, default=to_json_text) for row in chunk)
            before = ",\n"
        yield "\n]"
    yield "}\n"


def export_sections(user_id: str, last_number: int) -> Iterator[tuple[str, Iterator[Chunk]]]:
    """Yield what each exported model declares, and the trash behind the tasks."""
    for key, model in exported_models().items():
        yield key, export_rows(model, user_id)
        if model is Task:
            yield "trash", export_trash(user_id, last_number)


def export_rows(model: type[OwnedBase], user_id: str) -> Iterator[Chunk]:
    rows = model.objects.for_user(user_id)
    for chunk in stream_rows(rows, Ownership.from_model(model).order):
        yield [row.to_export() for row in chunk]


def to_json_text(value: object) -> str:
    return to_rfc3339(value) if isinstance(value, datetime) else str(value)


def as_csv(user_id: str, last_number: int) -> Iterator[str]:
    """The pieces of a CSV file for spreadsheets: the tasks, and behind them those of the trash."""
    yield "\ufeff" + csv_lines([CSV_COLUMNS])
    for chunks in (export_rows(Task, user_id), export_trash(user_id, last_number)):
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


def export_trash(user_id: str, last_number: int) -> Iterator[Chunk]:
    """Yield deleted tasks as they were: those in the trash at this entry of the journal, and those deleted since."""
    deletions = JournalEntry.objects.for_user(user_id).in_trash(until=last_number)
    for chunk in stream_rows(deletions, Ownership.from_model(JournalEntry).order):
        yield [
            to_contract(user_id, entry.task_id, {field: pair[0] for field, pair in entry.changes.items()})
            | {"deleted_at": to_rfc3339(entry.at)}
            for entry in chunk
        ]
