"""Plain text: one task per line."""

from __future__ import annotations

import re

from tasks.validators import with_unix_line_ends

from .base import ParsedFile

# A list mark at the start of a line (- * + • 1. 1)), then a checkbox. Both are optional.
MARK = re.compile(r"\s*(?:(?:[-*+•]|\d{1,4}[.)])(?:\s+|$))?(?:\[(?P<box>[ xX])\](?:\s+|$))?")


def read_text(text: str, parsed: ParsedFile) -> None:
    for number, line in enumerate(with_unix_line_ends(text).split("\n"), 1):
        row = parse_line(line)
        if row["title"]:
            parsed.add_row(number, row, line.strip())


def parse_line(line: str) -> dict[str, str]:
    mark = MARK.match(line)
    is_checked = mark and mark["box"] in {"x", "X"}
    return {"title": line[mark.end() if mark else 0 :].strip(), "status": "completed" if is_checked else "pending"}
