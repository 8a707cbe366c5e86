"""What the importers of all formats share."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from todo_site.journal.models import State

from .rows import Row, RowRejected, parse_id, parse_state

MAX_TASKS = 50_000  # in one file


class UnsupportedFile(Exception):
    """Raised for a file that cannot be imported. The message gives the reason to the user."""


@dataclass(frozen=True)
class RowError:
    """Why a row is skipped. ``number`` is that of the line, or of the task in a JSON file."""

    number: int
    reason: str
    is_json: bool = False

    def __str__(self) -> str:
        place = _("Task %(n)d: %(words)s") if self.is_json else _("Line %(n)d: %(words)s")
        return place % {"n": self.number, "words": self.reason}


@dataclass
class ParsedFile:
    """The tasks of a file by their ids, in the order of the file, and the errors of the rows that are skipped."""

    make_id: Callable[[str], uuid.UUID]
    is_json: bool = False
    tasks: dict[uuid.UUID, State] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    now: datetime = field(default_factory=timezone.now)
    seen: Counter[str] = field(default_factory=Counter)

    def add_row(self, number: int, row: Row, source: str) -> None:
        """Add the task of a row, or an error. A task without an id gets one from its source and its occurrence."""
        try:
            state = parse_state(row, self.now - timedelta(microseconds=number))
            task_id = parse_id(row)
            if task_id is None:
                self.seen[source] += 1
                task_id = self.make_id(json.dumps([source, self.seen[source]]))
            if task_id in self.tasks:
                raise RowRejected(_("an earlier task has the same ID."))  # noqa: TRY301
        except RowRejected as rejection:
            self.add_error(number, str(rejection))
        else:
            self.tasks[task_id] = state
        if len(self.tasks) + len(self.errors) > MAX_TASKS:
            text = ngettext(
                "The file contains more than %(n)s task.", "The file contains more than %(n)s tasks.", MAX_TASKS
            )
            raise UnsupportedFile(text % {"n": f"{MAX_TASKS:,}"})

    def add_error(self, number: int, reason: str) -> None:
        self.errors.append(RowError(number, reason, self.is_json))
