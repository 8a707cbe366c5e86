"""The second pair of eyes on isolation: it reads the SQL itself, whatever code made it.

No parser: brackets are opened from the inside out, and each SELECT, UPDATE and DELETE found so must narrow every owned
table that it names, by ``AND user_id = %s`` in its own WHERE. What stands under an OR or a NOT narrows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps

from todo_site.ownership.models import OwnedBase

SHAPE = re.compile(r"\s*(CREATE|ALTER|DROP|PRAGMA|TRUNCATE|COMMENT|SET|SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)
BRACKETS = re.compile(r"(NOT\s*)?\(([^()]*)\)", re.IGNORECASE)
QUERY = re.compile(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", re.IGNORECASE)
LOOSE = re.compile(r"\s*WHERE\b|\bOR\b", re.IGNORECASE)  # FILTER (WHERE ...) of an aggregate, and (a OR b)
COMPOUND = re.compile(r"\b(?:UNION(?: ALL)?|INTERSECT|EXCEPT)\b", re.IGNORECASE)
AFTER_WHERE = r"GROUP BY|HAVING|WINDOW|ORDER BY|LIMIT|OFFSET|FETCH|FOR|RETURNING"
WHERE = re.compile(rf"\bWHERE\b(.*?)(?:\b(?:{AFTER_WHERE})\b|$)", re.IGNORECASE)
NO_ALIAS = rf"SET|WHERE|ON|USING|INNER|LEFT|RIGHT|FULL|CROSS|NATURAL|JOIN|{AFTER_WHERE}"


class OwnerMissing(AssertionError):
    """A statement read or wrote an owned table for nobody in particular."""


def owned_tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedBase)]


def aliases(query: str, table: str) -> list[str]:
    """The names under which one SELECT, UPDATE or DELETE uses ``table``, once for each use."""
    use = rf"(?:\b(?:FROM|JOIN|UPDATE|INTO|USING|ONLY)|,)\s+(?:\w+\.)?{table}\b(?!\.)"
    alias = rf"(?:\s+(?:AS\s+)?(?!(?:{NO_ALIAS})\b)(\w+))?"
    return [found[1] or table for found in re.finditer(use + alias, query, re.IGNORECASE)]


def is_narrowed(query: str, table: str) -> bool:
    """Whether one SELECT, UPDATE or DELETE, without brackets, keeps to an owner's rows at each use of ``table``."""
    where = WHERE.search(query)
    terms = re.split(r"\bAND\b", where[1], flags=re.IGNORECASE) if where and not LOOSE.search(where[1]) else []
    return all(
        any(
            re.fullmatch(rf"\s*(?:{alias}\.)?(?:user_id = %s(?:::\w+)?|id IN owned_{table})\s*", term) for term in terms
        )
        for alias in aliases(query, table)
    )


def names_owner(sql: str, table: str) -> bool:
    """Whether a statement that names ``table`` says whose rows it means, wherever it does."""
    sql = re.sub(r"\s+", " ", sql.replace('"', ""))
    if SHAPE.match(sql):
        return True
    if insert := re.match(rf"\s*INSERT INTO {table} \(([^)]*)\)(.*)", sql, re.IGNORECASE):
        columns, sql = insert.groups()
        if not re.search(r"\buser_id\b", columns) or re.search(r"\bON CONFLICT\b(?! DO NOTHING)", sql, re.IGNORECASE):
            return False  # an upsert changes whosever row is there
    elif not aliases(sql, table):
        return False
    while brackets := BRACKETS.search(sql):
        negation, inside = brackets.groups()
        if QUERY.match(inside):
            if not all(is_narrowed(query, table) for query in COMPOUND.split(inside)):
                return False
            ids = re.match(rf"\s*SELECT (?:DISTINCT )?(?:\w+\.)?id FROM {table}\b", inside, re.IGNORECASE)
            inside = f"owned_{table}" if ids else ""
        elif negation or LOOSE.search(inside):
            inside = ""
        sql = f"{sql[: brackets.start()]}{negation or ''} {inside} {sql[brackets.end() :]}"
        sql = re.sub(r"\s+", " ", sql)
    return all(is_narrowed(query, table) for query in COMPOUND.split(sql))


def owner_filter_guard(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """An execute_wrapper. Raises OwnerMissing before the statement runs."""
    text = str(sql)
    for table in owned_tables():
        if re.search(rf"(?<![\w'\"])\"?{table}\"?(?![\w'])", text, re.IGNORECASE) and not names_owner(text, table):
            raise OwnerMissing(f"{table} without an owner in: {text}")
    return execute(sql, params, many, context)
