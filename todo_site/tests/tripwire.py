"""The second pair of eyes on isolation: it reads the SQL itself, whatever code made it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps

from tasks.models import OwnedModel


class OwnerMissing(AssertionError):
    """A statement read or wrote an owned table for nobody in particular."""


def owned_tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedModel)]


def names_owner(sql: str, table: str) -> bool:
    """Whether a statement that touches ``table`` says whose rows it means."""
    if re.match(r"\s*(CREATE|ALTER|DROP|PRAGMA|TRUNCATE|COMMENT|SET|SAVEPOINT|RELEASE|ROLLBACK)\b", sql, re.IGNORECASE):
        return True
    if re.match(rf'\s*INSERT INTO "?{table}"?\b', sql, re.IGNORECASE):
        return "user_id" in sql.split(")", 1)[0]
    return re.search(r'\buser_id"? = %s', sql) is not None


def tripwire(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """An execute_wrapper. Raises OwnerMissing before the statement runs."""
    text = str(sql)
    for table in owned_tables():
        if re.search(rf'(?<![\w."\'])"?{table}"?(?![\w\'])', text) and not names_owner(text, table):
            raise OwnerMissing(f"{table} without an owner in: {text}")
    return execute(sql, params, many, context)
