"""Keyset pagination: a page starts after a row and not at an OFFSET, so page 10,000 is as fast as page 1.

The order by title is an exception. It reads its index from the start, a microsecond for each task before the page.
PostgreSQL cannot start in the middle of an index on lower() under row-level security: lower() is not leakproof.
"""

from __future__ import annotations

import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db.models import F, QuerySet, Value
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from tasks.models import Task
from todo_site.journal.models import JournalEntry
from todo_site.ownership.compiled_queries import Parameter

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PAGE_SIZE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A title of 255 characters of four bytes, encrypted, is 1,384 characters of base64.
CURSOR_PATTERN = re.compile(
    r"(next|previous)-([a-z]+)-(-?[0-9]{1,16}|[A-Za-z0-9_=-]{24,1384})-([0-9a-f]{32})", re.ASCII
)


@dataclass(frozen=True)
class Sort:
    """An order of tasks by one field, then by id."""

    name: str
    field: str
    descending: bool = False

    @property
    def keys(self) -> tuple[Any, Any]:
        return (Lower("title") if self.field == "title" else F(self.field)), F("id")

    def apply(self, tasks: QuerySet[Task], *, backwards: bool) -> QuerySet[Task]:
        descending = self.descending != backwards
        return tasks.order_by(*(key.desc() if descending else key.asc() for key in self.keys))


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
    """The row that a page starts after, and the direction: "next" or "previous".

    It contains the row's value of the sort field, so that the page can be found after the row was deleted.
    """

    direction: str
    sort: Sort
    value: datetime | str
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str, sort: Sort, owner: str) -> Self | None:
        """Parse a cursor for this sort. Return None for anything else."""
        match = CURSOR_PATTERN.fullmatch(text)
        if match is None or match[2] != sort.name:
            return None
        value = decrypt(match[3], owner) if sort.field == "title" else parse_timestamp(match[3])
        return None if value is None else cls(match[1], sort, value, uuid.UUID(match[4]))

    @classmethod
    def from_parameters(cls, direction: str, sort: Sort) -> Self:
        """Return a cursor for a compiled query. It has the parameters ``value`` and ``id`` instead of values."""
        field: Any = Task._meta.get_field(sort.field)
        value: Any = Parameter("value", field)
        row_id: Any = Parameter("id", Task._meta.get_field("id"))
        return cls(direction, sort, value, row_id)

    @property
    def values(self) -> dict[str, Any]:
        """The values for the parameters of a compiled query."""
        return {"value": self.value, "id": self.id}

    def serialize(self, owner: str) -> str:
        """Return the cursor for a URL, as parse() reads it."""
        value = self.value
        text = encrypt(value, owner) if isinstance(value, str) else (value - EPOCH) // timedelta(microseconds=1)
        return f"{self.direction}-{self.sort.name}-{text}-{self.id.hex}"

    def filter(self, tasks: QuerySet[Task]) -> QuerySet[Task]:
        """Return the tasks after the cursor's row in its direction."""
        descending = self.sort.descending != (self.direction == "previous")
        value: Any = Value(self.value) if isinstance(self.value, str) else self.value
        if self.sort.field == "title":
            value = Lower(value)
        compare = TupleLessThan if descending else TupleGreaterThan
        return tasks.filter(compare(self.sort.keys, (value, self.id)))


def parse_timestamp(digits: str) -> datetime | None:
    """Return the time of a number of microseconds since 1970. Return None if it is out of range or no number."""
    return EPOCH + timedelta(microseconds=int(digits)) if len(digits) <= 17 and digits.lstrip("-").isdigit() else None


def get_cipher() -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415  7 MB, for one of the orders

    return AESSIV(salted_hmac("tasks.task_list.pagination", "titles in cursors", algorithm="sha512").digest())


def encrypt(title: str, owner: str) -> str:
    """Encrypt a title for a URL: browser histories and proxy logs keep URLs."""
    return urlsafe_b64encode(get_cipher().encrypt(title.encode(), [owner.encode()])).decode()


def decrypt(text: str, owner: str) -> str | None:
    """Return the title that was encrypted for this owner. Return None for anything else."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415

    try:
        return get_cipher().decrypt(urlsafe_b64decode(text), [owner.encode()]).decode()
    except (ValueError, InvalidTag):
        return None


class Row(NamedTuple):
    """A task in the list. It takes a tenth of the time of a model instance."""

    id: uuid.UUID
    title: str
    description: str | None
    status: str
    sort_value: datetime | str


@dataclass(frozen=True)
class Page:
    """Up to PAGE_SIZE tasks, and the cursors of the previous and the next page if they exist."""

    tasks: list[Row]
    previous: Cursor | None
    next: Cursor | None

    @staticmethod
    def select(tasks: QuerySet[Task], sort: Sort, cursor: Cursor | None) -> QuerySet[Task, Any]:
        """Return the query for the rows of the page at the cursor, and for one more row if it exists."""
        filtered = cursor.filter(tasks) if cursor else tasks
        ordered = sort.apply(filtered, backwards=is_backwards(cursor))
        return ordered.values_list("id", "title", "description", "status", sort.field)[: PAGE_SIZE + 1]

    @classmethod
    def from_rows(cls, found: list[tuple[Any, ...]], sort: Sort, cursor: Cursor | None) -> Self:
        """Return the page of the rows that select() finds."""
        backwards = is_backwards(cursor)
        more, rows = len(found) > PAGE_SIZE, list(map(Row._make, found[:PAGE_SIZE]))
        if backwards:
            rows.reverse()
        return cls(
            rows,
            previous=cls._adjacent("previous", sort, rows[0]) if (more if backwards else cursor) else None,
            next=cls._adjacent("next", sort, rows[-1]) if (cursor if backwards else more) else None,
        )

    @staticmethod
    def _adjacent(direction: str, sort: Sort, row: Row) -> Cursor:
        return Cursor(direction, sort, row.sort_value, row.id)


def is_backwards(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.direction == "previous"


@dataclass(frozen=True)
class EntryPage:
    """Up to PAGE_SIZE journal entries, newest first. The next page has the entries with numbers below ``before``."""

    entries: list[JournalEntry]
    before: int | None

    @staticmethod
    def select(entries: QuerySet[JournalEntry], before: str) -> QuerySet[JournalEntry]:
        """Return the query for the entries before a number, and for one more. Any other text selects the first page."""
        if re.fullmatch("[0-9]{1,18}", before):
            entries = entries.filter(number__lt=int(before))
        return entries[: PAGE_SIZE + 1]

    @classmethod
    def from_rows(cls, found: list[JournalEntry]) -> Self:
        """Return the page of the entries that select() finds."""
        return cls(found[:PAGE_SIZE], found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None)
