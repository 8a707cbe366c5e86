"""One row of a file: the conversion of its values to the state of a task."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from tasks.models import Task
from tasks.validators import MAX_TITLE, is_visible
from todo_site.journal.canonical import to_rfc3339
from todo_site.journal.models import State

type Row = Mapping[str, Any]

MAX_IMPORTED_DESCRIPTION = 100_000  # more than in the form, which had no limit in the past
YEARS = range(1970, 3000)
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # no database accepts them


class RowRejected(Exception):
    """Raised for a row that cannot be imported. The message gives the reason to the user."""


def get_row_source(row: Row) -> str:
    """Return the text from which the id of a row without an id is derived."""
    values = [row.get(name) for name in ("id", "title", "description")]
    return json.dumps([value if isinstance(value, str | int) else None for value in values])


def parse_id(row: Row) -> uuid.UUID | None:
    """Return the id of a row. Return None if it is not a UUID."""
    try:
        return uuid.UUID(row.get("id"))
    except (AttributeError, TypeError, ValueError):
        return None


def parse_state(row: Row, now: datetime) -> State:
    created_at = parse_time(row, "created_at") or now
    return {
        "title": parse_title(row),
        "description": parse_description(row),
        "status": parse_status(row),
        "created_at": to_rfc3339(created_at),
        "updated_at": to_rfc3339(parse_time(row, "updated_at") or created_at),
    }


def parse_title(row: Row) -> str:
    title = parse_text(row, "title") or ""
    if len(title) > MAX_TITLE:
        text = _("the title has %(n)d characters (maximum %(max)d).")
        raise RowRejected(text % {"n": len(title), "max": MAX_TITLE})
    if not is_visible(title):
        raise RowRejected(_("the title is missing or has no visible characters."))
    return title


def parse_description(row: Row) -> str | None:
    description = parse_text(row, "description")
    if description and len(description) > MAX_IMPORTED_DESCRIPTION:
        text = _("the description has %(n)d characters (maximum %(max)d).")
        raise RowRejected(text % {"n": len(description), "max": MAX_IMPORTED_DESCRIPTION})
    return description or None


def parse_status(row: Row) -> str:
    status = row.get("status")
    if status is None:
        return "completed" if str(row.get("complete")).lower() == "true" else "pending"
    if status not in Task.Status.values:
        raise RowRejected(_("the status must be “pending” or “completed”."))
    return str(status)


def parse_time(row: Row, name: str) -> datetime | None:
    """Return the time in a column. A time without a time zone is in UTC."""
    if row.get(name) is None:
        return None
    try:
        time = datetime.fromisoformat(row[name])
    except (TypeError, ValueError):
        raise RowRejected(_("“%(name)s” is not a valid date and time.") % {"name": name}) from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time.year not in YEARS or time.astimezone(UTC).year not in YEARS:
        raise RowRejected(_("“%(name)s” must be between 1970 and 2999.") % {"name": name})
    return time


def parse_text(row: Row, name: str) -> str | None:
    text = row.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise RowRejected(_("“%(name)s” must be text.") % {"name": name})
    if UNSTORABLE.search(text):
        raise RowRejected(_("“%(name)s” contains an invalid character.") % {"name": name})
    return text
