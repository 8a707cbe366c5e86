"""Tasks as other programs read them: task contract 1.0.0, and the CSV that says the same to a spreadsheet."""

from __future__ import annotations

import re
import uuid
from typing import Any

from todo_site.journal.models import State

VERSION = "1.0.0"
COLUMNS = ("id", "user_id", "title", "description", "status", "complete", "created_at", "updated_at")
CSV_COLUMNS = (*COLUMNS, "deleted_at")

# What a spreadsheet may take for a formula, in the full width of East Asian keyboards as well.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def to_contract(user_id: str, task_id: uuid.UUID | None, state: State) -> dict[str, Any]:
    return {
        "id": str(task_id),
        "user_id": user_id,
        "title": state["title"],
        "description": state.get("description"),
        "status": state["status"],
        "complete": state["status"] == "completed",
        "created_at": state["created_at"],
        "updated_at": state["updated_at"],
    }


def escape_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what could be one."""
    return f"'{text}" if FORMULA.match(text) else text


def unescape_cell(cell: str) -> str:
    """The text of a cell. What begins like a formula behind apostrophes has one too many, and nothing else has."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
