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

from tasks.models import Task, TaskQuerySet, derived_id
from tasks.validators import MAX_TITLE, is_visible, with_unix_line_ends
from todo_site.journal.models import State, as_text

from .contract import unescaped

MOST_TASKS = 50_000  # of one file
MOST_PARTS = 2_000_000  # brackets and commas of a JSON file: a small one could fill the memory with them
LONGEST_DESCRIPTION = 100_000  # more than the form takes: it was not always there
YEARS = range(1970, 3000)

# - * + • 1. 1) at the start of a line, and a box behind it or alone.
MARK = re.compile(r"\s*(?:(?:[-*+•]|\d{1,4}[.)])(?:\s+|$))?(?:\[(?P<box>[ xX])\](?:\s+|$))?")
UNKEPT = re.compile("[\0\ud800-\udfff]")  # no database takes them
DAY = r"\d{4}-\d{2}-\d{2}"
TODO_TXT = re.compile(rf"(?P<done>x )?\s*(?P<priority>\([A-Z]\) )?(?P<days>(?:{DAY}\s+){{0,2}})(?P<rest>.*)")
TODO_TXT_LINE = re.compile(rf"(?:x {DAY}|\([A-Z]\)) ")


class Unreadable(Exception):
    """Nothing can be taken out of this file; the message says why, to the person who chose it."""


class Refused(Exception):
    """One task of a file cannot be taken; the message says why."""


@dataclass(frozen=True)
class Wrong:
    """A line, or a task of a JSON file by its number, and why it is left out."""

    line: int
    words: str
    is_json: bool = False

    def __str__(self) -> str:
        place = _("Task %(n)d: %(words)s") if self.is_json else _("Line %(n)d: %(words)s")
        return place % {"n": self.line, "words": self.words}


@dataclass
class Reading:
    """Tasks by their ids, in the order in which they were read, and what was left out."""

    id_for: Callable[[str], uuid.UUID]
    is_json: bool = False
    tasks: dict[uuid.UUID, State] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    now: datetime = field(default_factory=timezone.now)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self, line: int, row: Mapping[str, Any], source: str) -> None:
        """Add what a row says. Without an id of its own, its task gets one from its source and how often that came."""
        try:
            state = state_of(row, self.now - timedelta(microseconds=line))
            task_id = id_of(row)
            if task_id is None:
                self.seen[source] += 1
                task_id = self.id_for(json.dumps([source, self.seen[source]]))
            if task_id in self.tasks:
                raise Refused(_("an earlier task has the same id."))  # noqa: TRY301
        except Refused as refusal:
            self.leave_out(line, str(refusal))
        else:
            self.tasks[task_id] = state
        if len(self.tasks) + len(self.wrong) > MOST_TASKS:
            words = ngettext("It holds more than %(n)s task.", "It holds more than %(n)s tasks.", MOST_TASKS)
            raise Unreadable(words % {"n": f"{MOST_TASKS:,}"})

    def leave_out(self, line: int, words: str) -> None:
        self.wrong.append(Wrong(line, words, self.is_json))


@dataclass(frozen=True)
class Plan:
    """What an import would do: titles that are new, how many tasks are here already, and what is left out."""

    new: list[str]
    same: int
    changed: int
    wrong: list[Wrong]

    @classmethod
    def of(cls, reading: Reading, tasks: TaskQuerySet) -> Self:
        here = tasks.already_here(reading.tasks)
        new = [str(state["title"]) for task_id, state in reading.tasks.items() if task_id not in here]
        same = sum(reads_alike(task.state(), reading.tasks[task_id]) for task_id, task in here.items())
        return cls(new, same, len(here) - same, reading.wrong)


def reads_alike(one: State, other: State) -> bool:
    return all(one[name] == other[name] for name in ("title", "description", "status"))


def read_file(name: str, content: bytes, owner: str) -> Reading:
    """The tasks of a file, as its name or its first character say what it is. Raises Unreadable."""
    text = decoded(content)
    reading = Reading(lambda source: derived_id(owner, "file", source))
    if name.lower().endswith(".json") or text.lstrip().startswith("{"):
        read_json(text, reading)
    elif name.lower().endswith((".csv", ".tsv")):
        read_csv(text, reading)
    else:
        read_lines(text, reading, todo_txt=is_todo_txt(name, text))
    if not reading.tasks and not reading.wrong:
        raise Unreadable(_("There is no task in it."))
    return reading


def read_pasted(text: str, owner: str, form_id: uuid.UUID) -> Reading:
    """The tasks of lines that were sent with this form: sent again they are the same ones."""
    reading = Reading(lambda source: derived_id(owner, "pasted", str(form_id), source))
    read_lines(text, reading, todo_txt=False)
    return reading


def decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(
            _("It is not a text file in UTF-8. Save it as UTF-8, or take it out of its archive.")
        ) from None
    if "\0" in text:
        raise Unreadable(_("It is not a text file: there are NUL characters in it."))
    return text


# Lines


def is_todo_txt(name: str, text: str) -> bool:
    lines = with_unix_line_ends(text).split("\n")
    return name.lower().endswith(("todo.txt", "done.txt")) or any(TODO_TXT_LINE.match(line) for line in lines)


def read_lines(text: str, reading: Reading, *, todo_txt: bool) -> None:
    for number, line in enumerate(with_unix_line_ends(text).split("\n"), 1):
        row = row_of_todo_txt(line.strip()) if todo_txt else row_of_line(line)
        if row["title"]:
            reading.take(number, row, line.strip())


def row_of_line(line: str) -> dict[str, str]:
    mark = MARK.match(line)
    done = mark and mark["box"] in {"x", "X"}
    return {"title": line[mark.end() if mark else 0 :].strip(), "status": "completed" if done else "pending"}


def row_of_todo_txt(line: str) -> dict[str, str]:
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


def read_json(text: str, reading: Reading) -> None:
    rows = rows_of_json(text)
    reading.is_json = True
    for number, row in enumerate(rows, 1):
        given = row if isinstance(row, dict) else {"title": row}
        reading.take(number, given, source_of(given))


def rows_of_json(text: str) -> list[Any]:
    """The list of tasks of our own export, or a bare list."""
    if sum(map(text.count, ",[{")) > MOST_PARTS:
        raise Unreadable(_("It has more parts than a list of tasks has."))
    try:
        found = json.loads(text, object_pairs_hook=without_repeats, parse_constant=refuse_constant)
    except RecursionError:
        raise Unreadable(_("Its brackets are nested too deeply.")) from None
    except json.JSONDecodeError as error:
        words = _("It is not whole, or not JSON: something is wrong in line %(line)d, character %(column)d.")
        raise Unreadable(words % {"line": error.lineno, "column": error.colno}) from None
    except ValueError:  # a number of thousands of digits
        raise Unreadable(_("A number in it is too long.")) from None
    contract = found.get("contract", "1") if isinstance(found, dict) else "1"
    if str(contract).split(".")[0] != "1":
        raise Unreadable(_("It was made by another version of this program, which this one cannot read."))
    rows = found.get("tasks") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise Unreadable(_("It is JSON, but there is no list of tasks in it."))
    return rows


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable(_("A name stands twice in the same object, so it is not clear which value counts."))
    return found


def refuse_constant(name: str) -> None:
    raise Unreadable(_("%(name)s is no JSON.") % {"name": name})


# CSV


def read_csv(text: str, reading: Reading) -> None:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        if names.count("title") != 1:
            raise Unreadable(_("Its first line has to name the columns, and one of them “title”."))
        before = lines.line_num
        for cells in lines:
            if any(cells):
                read_row(before + 1, names, cells, reading)
            before = lines.line_num
    except csv.Error:
        words = _("It is not whole, or not CSV: something is wrong in line %(line)d.")
        raise Unreadable(words % {"line": lines.line_num}) from None


def read_row(line: int, names: list[str], cells: list[str], reading: Reading) -> None:
    row = dict(zip(names, map(unescaped, cells), strict=False))
    if len(cells) > len(names):
        reading.leave_out(line, _("it has more cells than the first line."))
    elif row.get("deleted_at"):
        reading.leave_out(line, _("it was in the trash."))
    else:
        given = {name: value or None for name, value in row.items()}
        reading.take(line, given, source_of(given))


# A row


def source_of(row: Mapping[str, Any]) -> str:
    values = [row.get(name) for name in ("id", "title", "description")]
    return json.dumps([value if isinstance(value, str | int) else None for value in values])


def id_of(row: Mapping[str, Any]) -> uuid.UUID | None:
    """The id that a row brings; None where it is not of the kind that tasks have here."""
    try:
        return uuid.UUID(row.get("id"))
    except (AttributeError, TypeError, ValueError):
        return None


def state_of(row: Mapping[str, Any], now: datetime) -> State:
    created_at = time_of(row, "created_at") or now
    return {
        "title": title_of(row),
        "description": description_of(row),
        "status": status_of(row),
        "created_at": as_text(created_at),
        "updated_at": as_text(time_of(row, "updated_at") or created_at),
    }


def title_of(row: Mapping[str, Any]) -> str:
    title = text_of(row, "title") or ""
    if len(title) > MAX_TITLE:
        words = _("the title has %(n)d characters, and %(most)d are the most.")
        raise Refused(words % {"n": len(title), "most": MAX_TITLE})
    if not is_visible(title):
        raise Refused(_("nothing of the title can be seen."))
    return title


def description_of(row: Mapping[str, Any]) -> str | None:
    description = text_of(row, "description")
    if description and len(description) > LONGEST_DESCRIPTION:
        words = _("the description has %(n)d characters, and %(most)d are the most.")
        raise Refused(words % {"n": len(description), "most": LONGEST_DESCRIPTION})
    return description or None


def status_of(row: Mapping[str, Any]) -> str:
    status = row.get("status")
    if status is None:
        return "completed" if str(row.get("complete")).lower() == "true" else "pending"
    if status not in Task.Status.values:
        raise Refused(_("the status is neither “pending” nor “completed”."))
    return str(status)


def time_of(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time, in UTC where it names no zone."""
    if row.get(name) is None:
        return None
    try:
        time = datetime.fromisoformat(row[name])
    except (TypeError, ValueError):
        raise Refused(_("“%(name)s” is no time.") % {"name": name}) from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time.year not in YEARS or time.astimezone(UTC).year not in YEARS:
        raise Refused(_("“%(name)s” is not between 1970 and 2999.") % {"name": name})
    return time


def text_of(row: Mapping[str, Any], name: str) -> str | None:
    text = row.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise Refused(_("“%(name)s” is no text.") % {"name": name})
    if UNKEPT.search(text):
        raise Refused(_("“%(name)s” holds a character that cannot be kept.") % {"name": name})
    return text
