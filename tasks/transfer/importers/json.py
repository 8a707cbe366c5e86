"""JSON: an export of this site, or a list of tasks."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _

from todo_site.ownership.registry import exported_models

from .base import ParsedFile, UnsupportedFile
from .rows import get_row_source

# Sections of an export that are skipped: a file cannot bring a history, and the trash is part of it.
SKIPPED_SECTIONS = {"trash", "journal"}
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
        raise UnsupportedFile(_("The JSON data is too complex for a task list."))
    try:
        found = json.loads(text, object_pairs_hook=refuse_duplicate_keys, parse_constant=refuse_constant)
    except RecursionError:
        raise UnsupportedFile(_("The JSON data is nested too deeply.")) from None
    except json.JSONDecodeError as error:
        message = _("Invalid JSON at line %(line)d, column %(column)d.")
        raise UnsupportedFile(message % {"line": error.lineno, "column": error.colno}) from None
    except ValueError:  # a number with thousands of digits
        raise UnsupportedFile(_("The file contains a number that is too long.")) from None
    contract = found.get("contract", "1") if isinstance(found, dict) else "1"
    if str(contract).split(".")[0] != "1":
        raise UnsupportedFile(_("The file was exported by an unsupported version of this site."))
    if isinstance(found, dict):
        refuse_unreadable_sections(found)
    rows = found.get("tasks") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise UnsupportedFile(_("The JSON file contains no task list."))
    return rows


def refuse_unreadable_sections(found: dict[str, Any]) -> None:
    """Raise UnsupportedFile for rows of an exported model that no importer reads: they must not be lost in silence."""
    unreadable = [key for key in exported_models() if found.get(key) and key not in {"tasks", *SKIPPED_SECTIONS}]
    if unreadable:
        raise UnsupportedFile(_("Unsupported section: %(name)s.") % {"name": ", ".join(unreadable)})


def refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnsupportedFile(_("Duplicate key in a JSON object."))
    return found


def refuse_constant(name: str) -> None:
    """Raise UnsupportedFile for NaN and Infinity, which Python accepts."""
    raise UnsupportedFile(_("%(name)s is not valid JSON.") % {"name": name})
