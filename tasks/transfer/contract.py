"""Task contract 1.0.0: the columns of tasks in exports, as JSON and as CSV."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from todo_site.journal.models import State

VERSION = "1.0.0"

# Text that a spreadsheet may run as a formula. East Asian keyboards also type the full-width signs.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


class ExportedTask(NamedTuple):
    user_id: str
    id: uuid.UUID | None
    state: State


# The name of each column, and how to get its value.
COLUMNS: dict[str, Callable[[ExportedTask], Any]] = {
    "id": lambda task: str(task.id),
    "user_id": lambda task: task.user_id,
    "title": lambda task: task.state["title"],
    "description": lambda task: task.state.get("description"),
    "status": lambda task: task.state["status"],
    "complete": lambda task: task.state["status"] == "completed",
    "created_at": lambda task: task.state["created_at"],
    "updated_at": lambda task: task.state["updated_at"],
}
CSV_COLUMNS = (*COLUMNS, "deleted_at")


def to_contract(user_id: str, task_id: uuid.UUID | None, state: State) -> dict[str, Any]:
    task = ExportedTask(user_id, task_id, state)
    return {name: get_value(task) for name, get_value in COLUMNS.items()}


def escape_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet may run as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def unescape_cell(cell: str) -> str:
    """Return the text of a cell, without the apostrophe that escape_cell() adds."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
