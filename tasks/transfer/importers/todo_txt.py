"""The format of todo.txt: one task per line, with optional dates and a priority."""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import timezone

from tasks.validators import with_unix_line_ends

from .base import ParsedFile

DATE = r"\d{4}-\d{2}-\d{2}"
LINE = re.compile(rf"(?P<done>x )?\s*(?P<priority>\([A-Z]\) )?(?P<dates>(?:{DATE}\s+){{0,2}})(?P<rest>.*)")
UNMISTAKABLE_LINE = re.compile(rf"(?:x {DATE}|\([A-Z]\)) ")


def is_todo_txt(name: str, text: str) -> bool:
    lines = with_unix_line_ends(text).split("\n")
    return name.lower().endswith(("todo.txt", "done.txt")) or any(UNMISTAKABLE_LINE.match(line) for line in lines)


def read_todo_txt(text: str, parsed: ParsedFile) -> None:
    for number, line in enumerate(with_unix_line_ends(text).split("\n"), 1):
        row = parse_line(line.strip())
        if row["title"]:
            parsed.add_row(number, row, line.strip())


def parse_line(line: str) -> dict[str, str]:
    """Parse one line. Dates become times. Priority, +project, @context and key:value stay in the title."""
    parts = LINE.fullmatch(line)
    if parts is None:
        return {"title": line}
    done, dates, rest = parts["done"], parts["dates"].split(), parts["rest"]
    if not done and len(dates) > 1:  # only a completed task has two dates: the second one is part of the title
        rest = f"{dates.pop()} {rest}"
    times = {"created_at": date_to_time(dates[-1])} if dates else {}
    if done and dates:
        times["updated_at"] = date_to_time(dates[0])
    title = f"{parts['priority'] or ''}{rest}".strip()
    return {"title": title or line, "status": "completed" if done else "pending", **times}


def date_to_time(date: str) -> str:
    """Return the start of the day in the user's time zone. Return an invalid date unchanged: add_row() rejects it."""
    try:
        return datetime.fromisoformat(date).replace(tzinfo=timezone.get_current_timezone()).isoformat()
    except ValueError:
        return date
