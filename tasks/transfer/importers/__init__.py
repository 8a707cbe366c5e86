"""Tasks from files and pasted lines: what they say, and what of it cannot be taken, by line."""

from __future__ import annotations

import csv
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Self

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tasks.ids import deterministic_uuid
from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.transfer.contract import unescape_cell
from tasks.validators import MAX_TITLE, is_visible, with_unix_line_ends
from todo_site.journal.models import State, to_rfc3339

MAX_TASKS = 50_000  # of one file
MAX_PARTS = 2_000_000  # brackets and commas of a JSON file: a small one could fill the memory with them
MAX_IMPORTED_DESCRIPTION = 100_000  # more than the form takes: it was not always there
YEARS = range(1970, 3000)

# - * + • 1. 1) at the start of a line, and a box behind it or alone.
MARK = re.compile(r"\s*(?:(?:[-*+•]|\d{1,4}[.)])(?:\s+|$))?(?:\[(?P<box>[ xX])\](?:\s+|$))?")
UNKEPT = re.compile("[\0\ud800-\udfff]")  # no database takes them
DAY = r"\d{4}-\d{2}-\d{2}"
TODO_TXT = re.compile(rf"(?P<done>x )?\s*(?P<priority>\([A-Z]\) )?(?P<days>(?:{DAY}\s+){{0,2}})(?P<rest>.*)")
TODO_TXT_LINE = re.compile(rf"(?:x {DAY}|\([A-Z]\)) ")


class UnsupportedFile(Exception):
    """Nothing can be taken out of this file; the message says why, to the person who chose it."""


class RowRejected(Exception):
    """One task of a file cannot be taken; the message says why."""


@dataclass(frozen=True)
class RowError:
    """A line, or a task of a JSON file by its number, and why it is left out."""

    line: int
    words: str
    is_json: bool = False

    def __str__(self) -> str:
        place = _("Task %(n)d: %(words)s") if self.is_json else _("Line %(n)d: %(words)s")
        return place % {"n": self.line, "words": self.words}


@dataclass
class ParsedFile:
    """Tasks by their ids, in the order in which they were read, and what was left out."""

    id_for: Callable[[str], uuid.UUID]
    is_json: bool = False
    tasks: dict[uuid.UUID, State] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    now: datetime = field(default_factory=timezone.now)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self, line: int, row: Mapping[str, Any], source: str) -> None:
        """Add what a row says. Without an id of its own, its task gets one from its source and how often that came."""
        try:
            state = parse_state(row, self.now - timedelta(microseconds=line))
            task_id = parse_id(row)
            if task_id is None:
                self.seen[source] += 1
                task_id = self.id_for(json.dumps([source, self.seen[source]]))
            if task_id in self.tasks:
                raise RowRejected(_("an earlier task has the same id."))  # noqa: TRY301
        except RowRejected as refusal:
            self.leave_out(line, str(refusal))
        else:
            self.tasks[task_id] = state
        if len(self.tasks) + len(self.errors) > MAX_TASKS:
            words = ngettext("It holds more than %(n)s task.", "It holds more than %(n)s tasks.", MAX_TASKS)
            raise UnsupportedFile(words % {"n": f"{MAX_TASKS:,}"})

    def leave_out(self, line: int, words: str) -> None:
        self.errors.append(RowError(line, words, self.is_json))


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do: titles that are new, how many tasks are here already, and what is left out."""

    new: list[str]
    same: int
    changed: int
    errors: list[RowError]

    @classmethod
    def from_parsed_file(cls, parsed: ParsedFile, tasks: TaskQuerySet) -> Self:
        here = tasks.existing(parsed.tasks)
        new = [str(state["title"]) for task_id, state in parsed.tasks.items() if task_id not in here]
        same = sum(has_same_content(task.to_state(), parsed.tasks[task_id]) for task_id, task in here.items())
        return cls(new, same, len(here) - same, parsed.errors)


def has_same_content(one: State, other: State) -> bool:
    return all(one[name] == other[name] for name in ("title", "description", "status"))


def read_file(name: str, content: bytes, owner: str) -> ParsedFile:
    """The tasks of a file, as its name or its first character say what it is. Raises UnsupportedFile."""
    text = decode_file(content)
    parsed = ParsedFile(lambda source: deterministic_uuid(owner, "file", source))
    if name.lower().endswith(".json") or text.lstrip().startswith("{"):
        read_json(text, parsed)
    elif name.lower().endswith((".csv", ".tsv")):
        read_csv(text, parsed)
    else:
        read_lines(text, parsed, todo_txt=is_todo_txt(name, text))
    if not parsed.tasks and not parsed.errors:
        raise UnsupportedFile(_("There is no task in it."))
    return parsed


def read_pasted(text: str, owner: str, form_id: uuid.UUID) -> ParsedFile:
    """The tasks of lines that were sent with this form: sent again they are the same ones."""
    parsed = ParsedFile(lambda source: deterministic_uuid(owner, "pasted", str(form_id), source))
    read_lines(text, parsed, todo_txt=False)
    return parsed


def decode_file(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UnsupportedFile(
            _("It is not a text file in UTF-8. Save it as UTF-8, or take it out of its archive.")
        ) from None
    if "\0" in text:
        raise UnsupportedFile(_("It is not a text file: there are NUL characters in it."))
    return text


# Lines


def is_todo_txt(name: str, text: str) -> bool:
    lines = with_unix_line_ends(text).split("\n")
    return name.lower().endswith(("todo.txt", "done.txt")) or any(TODO_TXT_LINE.match(line) for line in lines)


def read_lines(text: str, parsed: ParsedFile, *, todo_txt: bool) -> None:
    for number, line in enumerate(with_unix_line_ends(text).split("\n"), 1):
        row = parse_todo_txt_line(line.strip()) if todo_txt else parse_line(line)
        if row["title"]:
            parsed.take(number, row, line.strip())


def parse_line(line: str) -> dict[str, str]:
    mark = MARK.match(line)
    done = mark and mark["box"] in {"x", "X"}
    return {"title": line[mark.end() if mark else 0 :].strip(), "status": "completed" if done else "pending"}


def parse_todo_txt_line(line: str) -> dict[str, str]:
    """Days become times; priority, +project, @context and key:value stay in the title."""
    parts = TODO_TXT.fullmatch(line)
    if parts is None:
        return {"title": line}
    done, days, rest = parts["done"], parts["days"].split(), parts["rest"]
    if not done and len(days) > 1:  # only a completed task has two; the other one was written by a person
        rest = f"{days.pop()} {rest}"
    times = {"created_at": midnight(days[-1])} if days else {}
    if done and days:
        times["updated_at"] = midnight(days[0])
    title = f"{parts['priority'] or ''}{rest}".strip()
    return {"title": title or line, "status": "completed" if done else "pending", **times}


def midnight(day: str) -> str:
    """The first moment of a day where the person is; what is no day comes back as it is, to be refused."""
    try:
        return datetime.fromisoformat(day).replace(tzinfo=timezone.get_current_timezone()).isoformat()
    except ValueError:
        return day


# JSON


def read_json(text: str, parsed: ParsedFile) -> None:
    rows = parse_json_rows(text)
    parsed.is_json = True
    for number, row in enumerate(rows, 1):
        given = row if isinstance(row, dict) else {"title": row}
        parsed.take(number, given, row_source(given))


def parse_json_rows(text: str) -> list[Any]:
    """The list of tasks of our own export, or a bare list."""
    if sum(map(text.count, ",[{")) > MAX_PARTS:
        raise UnsupportedFile(_("It has more parts than a list of tasks has."))
    try:
        found = json.loads(text, object_pairs_hook=refuse_duplicate_keys, parse_constant=refuse_constant)
    except RecursionError:
        raise UnsupportedFile(_("Its brackets are nested too deeply.")) from None
    except json.JSONDecodeError as error:
        words = _("It is not whole, or not JSON: something is wrong in line %(line)d, character %(column)d.")
        raise UnsupportedFile(words % {"line": error.lineno, "column": error.colno}) from None
    except ValueError:  # a number of thousands of digits
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
    raise UnsupportedFile(_("%(name)s is no JSON.") % {"name": name})


# CSV


def read_csv(text: str, parsed: ParsedFile) -> None:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        if names.count("title") != 1:
            raise UnsupportedFile(_("Its first line has to name the columns, and one of them “title”."))
        before = lines.line_num
        for cells in lines:
            if any(cells):
                read_row(before + 1, names, cells, parsed)
            before = lines.line_num
    except csv.Error:
        words = _("It is not whole, or not CSV: something is wrong in line %(line)d.")
        raise UnsupportedFile(words % {"line": lines.line_num}) from None


def read_row(line: int, names: list[str], cells: list[str], parsed: ParsedFile) -> None:
    row = dict(zip(names, map(unescape_cell, cells), strict=False))
    if len(cells) > len(names):
        parsed.leave_out(line, _("it has more cells than the first line."))
    elif row.get("deleted_at"):
        parsed.leave_out(line, _("it was in the trash."))
    else:
        given = {name: value or None for name, value in row.items()}
        parsed.take(line, given, row_source(given))


# A row


def row_source(row: Mapping[str, Any]) -> str:
    values = [row.get(name) for name in ("id", "title", "description")]
    return json.dumps([value if isinstance(value, str | int) else None for value in values])


def parse_id(row: Mapping[str, Any]) -> uuid.UUID | None:
    """The id that a row brings; None where it is not of the kind that tasks have here."""
    try:
        return uuid.UUID(row.get("id"))
    except (AttributeError, TypeError, ValueError):
        return None


def parse_state(row: Mapping[str, Any], now: datetime) -> State:
    created_at = parse_time(row, "created_at") or now
    return {
        "title": parse_title(row),
        "description": parse_description(row),
        "status": parse_status(row),
        "created_at": to_rfc3339(created_at),
        "updated_at": to_rfc3339(parse_time(row, "updated_at") or created_at),
    }


def parse_title(row: Mapping[str, Any]) -> str:
    title = parse_text(row, "title") or ""
    if len(title) > MAX_TITLE:
        words = _("the title has %(n)d characters, and %(most)d are the most.")
        raise RowRejected(words % {"n": len(title), "most": MAX_TITLE})
    if not is_visible(title):
        raise RowRejected(_("nothing of the title can be seen."))
    return title


def parse_description(row: Mapping[str, Any]) -> str | None:
    description = parse_text(row, "description")
    if description and len(description) > MAX_IMPORTED_DESCRIPTION:
        words = _("the description has %(n)d characters, and %(most)d are the most.")
        raise RowRejected(words % {"n": len(description), "most": MAX_IMPORTED_DESCRIPTION})
    return description or None


def parse_status(row: Mapping[str, Any]) -> str:
    status = row.get("status")
    if status is None:
        return "completed" if str(row.get("complete")).lower() == "true" else "pending"
    if status not in Task.Status.values:
        raise RowRejected(_("the status is neither “pending” nor “completed”."))
    return str(status)


def parse_time(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time, in UTC where it names no zone."""
    if row.get(name) is None:
        return None
    try:
        time = datetime.fromisoformat(row[name])
    except (TypeError, ValueError):
        raise RowRejected(_("“%(name)s” is no time.") % {"name": name}) from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time.year not in YEARS or time.astimezone(UTC).year not in YEARS:
        raise RowRejected(_("“%(name)s” is not between 1970 and 2999.") % {"name": name})
    return time


def parse_text(row: Mapping[str, Any], name: str) -> str | None:
    text = row.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise RowRejected(_("“%(name)s” is no text.") % {"name": name})
    if UNKEPT.search(text):
        raise RowRejected(_("“%(name)s” holds a character that cannot be kept.") % {"name": name})
    return text
