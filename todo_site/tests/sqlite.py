"""What a program needs that writes to a SQLite database of the site without Django."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db import connection

from tasks.task_list.search import fold
from todo_site.web.database.sqlite3.base import register_functions


def add_functions(opened: sqlite3.Connection) -> None:
    """Register the functions that the triggers and the stored columns of owned tables call."""
    opened.create_function("FOLDED", 1, lambda text: text if text is None else fold(text), deterministic=True)
    wrapper: Any = connection
    register_functions(opened, wrapper)
