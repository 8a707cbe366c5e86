from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tasks.querysets import TaskQuerySet
from todo_site.journal.models import State

from .importers import ParsedFile, RowError


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do: the titles of new tasks, the numbers of existing tasks, and the errors."""

    new: list[str]
    same: int
    changed: int
    errors: list[RowError]

    @classmethod
    def from_parsed_file(cls, parsed: ParsedFile, tasks: TaskQuerySet) -> Self:
        existing = tasks.existing(parsed.tasks)
        new = [str(state["title"]) for task_id, state in parsed.tasks.items() if task_id not in existing]
        same = sum(has_same_content(task.to_state(), parsed.tasks[task_id]) for task_id, task in existing.items())
        return cls(new, same, len(existing) - same, parsed.errors)


def has_same_content(one: State, other: State) -> bool:
    return all(one[name] == other[name] for name in ("title", "description", "status"))
