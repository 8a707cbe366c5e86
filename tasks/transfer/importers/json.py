"""JSON: an export of this site, or a list of tasks."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _

from .base import ParsedFile, UnsupportedFile
from .rows import get_row_source

MAX_PARTS = 2_000_000  # brackets and commas: even a small file could fill the memory with parts


def read_json(text: str, parsed: ParsedFile) -> None:
    rows = parse_rows(text)
    parsed.is_json = True
    for number, value in enumerate(rows, 1):
        row = value if isinstance(value, dict) else {"title": value}
        parsed.add_row(number, row, get_row_source(row))


def parse_rows(text: str) -> list[Any]:
    """Return the list of tasks in the text. Raise UnsupportedFile if there is none."""
    if sum(map(text.count, ",[{")) > MAX_PARTS:
        raise UnsupportedFile(_("It has more parts than a list of tasks has."))
    try:
        found = json.loads(text, object_pairs_hook=refuse_duplicate_keys, parse_constant=refuse_constant)
    except RecursionError:
        raise UnsupportedFile(_("Its brackets are nested too deeply.")) from None
    except json.JSONDecodeError as error:
        message = _("It is not whole, or not JSON: something is wrong in line %(line)d, character %(column)d.")
        raise UnsupportedFile(message % {"line": error.lineno, "column": error.colno}) from None
    except ValueError:  # a number with thousands of digits
        raise UnsupportedFile(_("A number in it is too long.")) from None
    contract = found.get("contract", "1") if isinstance(found, dict) else "1"
    if str(contract).split(".")[0] != "1":
        raise UnsupportedFile(_("It was made by another version of this program, which this one cannot read."))
    rows = found.get("tasks") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise UnsupportedFile(_("It is JSON, but there is no list of tasks in it."))
    return rows


def refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnsupportedFile(_("A name stands twice in the same object, so it is not clear which value counts."))
    return found


def refuse_constant(name: str) -> None:
    """Raise UnsupportedFile for NaN and Infinity, which Python accepts."""
    raise UnsupportedFile(_("%(name)s is no JSON.") % {"name": name})
