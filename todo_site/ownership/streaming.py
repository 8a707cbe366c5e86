from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F
from django.db.models.fields.tuple_lookups import TupleGreaterThan

from .managers import OwnedQuerySet
from .row_level_security import scoped_to

CHUNK_SIZE = 500


def stream_rows[M: Any](rows: OwnedQuerySet[M], order: Sequence[str]) -> Iterator[list[M]]:
    """Yield chunks of rows in this order, each read behind the last row of the one before.

    Between two chunks no statement, no transaction and no row-level security scope stays open: the connection may
    serve another request then. ``order`` must be unique for an owner, without NULL.
    """
    rows, last = rows.order_by(*order), None
    while True:
        behind = rows if last is None else rows.filter(_is_behind(last, order))
        with scoped_to(lambda: rows.owner):
            chunk = list(behind[:CHUNK_SIZE])
        if chunk:
            yield chunk
        if len(chunk) < CHUNK_SIZE:
            return
        last = chunk[-1]


def _is_behind(last: Any, order: Sequence[str]) -> TupleGreaterThan:
    return TupleGreaterThan(tuple(F(name) for name in order), tuple(getattr(last, name) for name in order))
