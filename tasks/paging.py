"""Keyset paging: a page starts behind a row, not at a number, so page 10,000 costs what page 1 costs."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan

from .journal import TaskEvent
from .models import Task

PAGE_SIZE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = re.compile(r"(older|newer)-([0-9]{1,17})-([0-9a-f]{32})")


@dataclass(frozen=True)
class Cursor:
    """The row next to which a page begins, and on which side of it."""

    direction: str
    created_at: datetime
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a cursor from an address; None, and so the first page, for anything else."""
        if not (match := CURSOR.fullmatch(text)):
            return None
        direction, microseconds, hexadecimal = match.groups()
        return cls(direction, EPOCH + timedelta(microseconds=int(microseconds)), uuid.UUID(hexadecimal))

    def __str__(self) -> str:
        return f"{self.direction}-{(self.created_at - EPOCH) // timedelta(microseconds=1)}-{self.id.hex}"


@dataclass(frozen=True)
class Page:
    """Up to PAGE_SIZE tasks, newest first, with the cursors of the pages on both sides where there are any."""

    tasks: list[Task]
    newer: Cursor | None
    older: Cursor | None

    @classmethod
    def of(cls, tasks: QuerySet[Task], cursor: Cursor | None) -> Self:
        backwards = cursor is not None and cursor.direction == "newer"
        if cursor is not None:
            beyond = TupleGreaterThan if backwards else TupleLessThan
            tasks = tasks.filter(beyond((F("created_at"), F("id")), (cursor.created_at, cursor.id)))
        order = ("created_at", "id") if backwards else ("-created_at", "-id")
        found = list(tasks.order_by(*order)[: PAGE_SIZE + 1])
        more, rows = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        if backwards:
            rows.reverse()
        return cls(
            rows,
            newer=cls._beside("newer", rows[:1]) if (more if backwards else cursor) else None,
            older=cls._beside("older", rows[-1:]) if (cursor if backwards else more) else None,
        )

    @staticmethod
    def _beside(direction: str, rows: list[Task]) -> Cursor | None:
        return Cursor(direction, rows[0].created_at, rows[0].id) if rows else None


@dataclass(frozen=True)
class EntryPage:
    """Up to PAGE_SIZE entries of the journal, newest first, and the number before which the next page begins."""

    entries: list[TaskEvent]
    before: int | None

    @classmethod
    def of(cls, entries: QuerySet[TaskEvent], before: str) -> Self:
        """The page before a number, as it stands in an address; anything else is the first page."""
        if re.fullmatch("[0-9]{1,18}", before):
            entries = entries.filter(number__lt=int(before))
        found = list(entries[: PAGE_SIZE + 1])
        return cls(found[:PAGE_SIZE], found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None)
