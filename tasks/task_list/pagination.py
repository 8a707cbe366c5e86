"""Keyset paging: a page starts behind a row, not at a number, so page 10,000 costs what page 1 costs.

The one exception is the order of titles. It walks its index from the start: an index on lower() cannot be entered in
the middle behind row-level security, because lower() is not leakproof (a microsecond for each task before the page).
"""

from __future__ import annotations

import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.db.models import F, QuerySet, Value
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from tasks.models import Task
from todo_site.journal.models import JournalEntry
from todo_site.ownership.compiled_queries import Parameter

PAGE_SIZE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A title of 255 characters of four bytes, encrypted, is 1,384 characters of base64.
CURSOR = re.compile(r"(next|previous)-([a-z]+)-(-?[0-9]{1,16}|[A-Za-z0-9_=-]{24,1384})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True)
class Sort:
    """An order of tasks by one field, and by the id where that is the same."""

    name: str
    field: str
    descending: bool = False

    @property
    def keys(self) -> tuple[Any, Any]:
        return (Lower("title") if self.field == "title" else F(self.field)), F("id")

    def ordered(self, tasks: QuerySet[Task], *, backwards: bool) -> QuerySet[Task]:
        falling = self.descending != backwards
        return tasks.order_by(*(key.desc() if falling else key.asc() for key in self.keys))


SORTS = {
    sort.name: sort
    for sort in (
        Sort("newest", "created_at", descending=True),
        Sort("oldest", "created_at"),
        Sort("changed", "updated_at", descending=True),
        Sort("title", "title"),
    )
}


@dataclass(frozen=True)
class Cursor:
    """The row next to which a page begins, and on which side of it.

    It holds the row's value, so that the row may be gone when the page is asked for.
    """

    direction: str
    sort: Sort
    value: datetime | str
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str, sort: Sort, owner: str) -> Self | None:
        """Read a cursor of this order from an address; None, and so the first page, for anything else."""
        match = CURSOR.fullmatch(text)
        if match is None or match[2] != sort.name:
            return None
        value = decrypt(match[3], owner) if sort.field == "title" else parse_timestamp(match[3])
        return None if value is None else cls(match[1], sort, value, uuid.UUID(match[4]))

    @classmethod
    def as_parameters(cls, direction: str, sort: Sort) -> Self:
        """The place of a cursor in a statement that is kept."""
        field: Any = Task._meta.get_field(sort.field)
        value: Any = Parameter("value", field)
        row_id: Any = Parameter("id", Task._meta.get_field("id"))
        return cls(direction, sort, value, row_id)

    @property
    def values(self) -> dict[str, Any]:
        """What a statement is given in its place."""
        return {"value": self.value, "id": self.id}

    def text(self, owner: str) -> str:
        value = self.value
        shown = encrypt(value, owner) if isinstance(value, str) else (value - EPOCH) // timedelta(microseconds=1)
        return f"{self.direction}-{self.sort.name}-{shown}-{self.id.hex}"

    def filter(self, tasks: QuerySet[Task]) -> QuerySet[Task]:
        """The tasks on the cursor's side of its row."""
        falling = self.sort.descending != (self.direction == "previous")
        value: Any = Value(self.value) if isinstance(self.value, str) else self.value
        if self.sort.field == "title":
            value = Lower(value)
        compare = TupleLessThan if falling else TupleGreaterThan
        return tasks.filter(compare(self.sort.keys, (value, self.id)))


def parse_timestamp(digits: str) -> datetime | None:
    """A time from its microseconds since 1970."""
    return EPOCH + timedelta(microseconds=int(digits)) if len(digits) <= 17 and digits.lstrip("-").isdigit() else None


def cipher() -> AESSIV:
    return AESSIV(salted_hmac("tasks.task_list.pagination", "titles in cursors", algorithm="sha512").digest())


def encrypt(title: str, owner: str) -> str:
    """A title as it may stand in an address, which histories and logs of proxies keep: readable to nobody."""
    return urlsafe_b64encode(cipher().encrypt(title.encode(), [owner.encode()])).decode()


def decrypt(text: str, owner: str) -> str | None:
    """The title that was encrypted for this owner; None for anything else."""
    try:
        return cipher().decrypt(urlsafe_b64decode(text), [owner.encode()]).decode()
    except (ValueError, InvalidTag):
        return None


class Row(NamedTuple):
    """A task as a list shows it: a tenth of the work that an instance is."""

    id: uuid.UUID
    title: str
    description: str | None
    status: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Page:
    """Up to PAGE_SIZE tasks in their order, with the cursors of the pages on both sides where there are any."""

    tasks: list[Row]
    previous: Cursor | None
    next: Cursor | None

    @staticmethod
    def query(tasks: QuerySet[Task], sort: Sort, cursor: Cursor | None) -> QuerySet[Task, Any]:
        """The rows of the page beside the cursor, and one more, if there is one."""
        wanted = cursor.filter(tasks) if cursor else tasks
        ordered = sort.ordered(wanted, backwards=is_backwards(cursor))
        return ordered.values_list(*Row._fields)[: PAGE_SIZE + 1]

    @classmethod
    def from_rows(cls, found: list[tuple[Any, ...]], sort: Sort, cursor: Cursor | None) -> Self:
        """The page of the rows that its query has found."""
        backwards = is_backwards(cursor)
        more, rows = len(found) > PAGE_SIZE, [Row(*row) for row in found[:PAGE_SIZE]]
        if backwards:
            rows.reverse()
        return cls(
            rows,
            previous=cls._adjacent("previous", sort, rows[0]) if (more if backwards else cursor) else None,
            next=cls._adjacent("next", sort, rows[-1]) if (cursor if backwards else more) else None,
        )

    @staticmethod
    def _adjacent(direction: str, sort: Sort, row: Row) -> Cursor:
        return Cursor(direction, sort, getattr(row, sort.field), row.id)


def is_backwards(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.direction == "previous"


@dataclass(frozen=True)
class EntryPage:
    """Up to PAGE_SIZE entries of the journal, newest first, and the number before which the next page begins."""

    entries: list[JournalEntry]
    before: int | None

    @staticmethod
    def query(entries: QuerySet[JournalEntry], before: str) -> QuerySet[JournalEntry]:
        """The page before a number, as it stands in an address; anything else is the first page. And one entry more."""
        if re.fullmatch("[0-9]{1,18}", before):
            entries = entries.filter(number__lt=int(before))
        return entries[: PAGE_SIZE + 1]

    @classmethod
    def from_rows(cls, found: list[JournalEntry]) -> Self:
        """The page of the entries that its query has found."""
        return cls(found[:PAGE_SIZE], found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None)
