"""Importers: tasks from files and pasted lines, and the errors of rows that cannot be imported."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext as _

from tasks.ids import deterministic_uuid

from .base import ParsedFile, RowError, UnsupportedFile
from .csv import read_csv
from .json import read_json
from .text import read_text
from .todo_txt import is_todo_txt, read_todo_txt

__all__ = ["ParsedFile", "RowError", "UnsupportedFile", "parse_file", "parse_pasted_text"]


def parse_file(name: str, content: bytes, owner: str) -> ParsedFile:
    """Return the tasks of a file. Its name and its text tell the format. Raise UnsupportedFile."""
    text = decode_file(content)
    parsed = ParsedFile(lambda source: deterministic_uuid(owner, "file", source))
    if name.lower().endswith(".json") or text.lstrip().startswith("{"):
        read_json(text, parsed)
    elif name.lower().endswith((".csv", ".tsv")):
        read_csv(text, parsed)
    elif is_todo_txt(name, text):
        read_todo_txt(text, parsed)
    else:
        read_text(text, parsed)
    if not parsed.tasks and not parsed.errors:
        raise UnsupportedFile(_("The file contains no tasks."))
    return parsed


def parse_pasted_text(text: str, owner: str, form_id: uuid.UUID) -> ParsedFile:
    """Return the tasks of pasted lines. A form that is sent twice gives its tasks the same ids."""
    parsed = ParsedFile(lambda source: deterministic_uuid(owner, "pasted", str(form_id), source))
    read_text(text, parsed)
    return parsed


def decode_file(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        message = _("The file is not UTF-8 text; save it as UTF-8 or extract it from its archive.")
        raise UnsupportedFile(message) from None
    if "\0" in text:
        raise UnsupportedFile(_("The file is not a text file: it contains NUL characters."))
    return text
