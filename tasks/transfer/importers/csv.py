"""CSV: an export of this site, or a table with a column “title”."""

from __future__ import annotations

import csv
from io import StringIO

from django.utils.translation import gettext as _

from tasks.transfer.contract import unescape_cell

from .base import ParsedFile, UnsupportedFile
from .rows import get_row_source


def read_csv(text: str, parsed: ParsedFile) -> None:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if names.count("title") != 1:
            raise UnsupportedFile(_("The first line must contain the column names, including “title”."))
        previous_line = rows.line_num
        for cells in rows:
            if any(cells):
                read_row(previous_line + 1, names, cells, parsed)
            previous_line = rows.line_num
    except csv.Error:
        message = _("Invalid CSV at line %(line)d.")
        raise UnsupportedFile(message % {"line": rows.line_num}) from None


def read_row(line: int, names: list[str], cells: list[str], parsed: ParsedFile) -> None:
    row = dict(zip(names, map(unescape_cell, cells), strict=False))
    if len(cells) > len(names):
        parsed.add_error(line, _("the line has more cells than the first line."))
    elif row.get("deleted_at"):
        parsed.add_error(line, _("the task was in the trash."))
    else:
        values = {name: value or None for name, value in row.items()}
        parsed.add_row(line, values, get_row_source(values))
