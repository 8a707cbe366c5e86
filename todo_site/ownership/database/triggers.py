"""The triggers of owned tables, version 2: they write the journal, and keep id, owner and time of creation.

Migrations name the version, so these texts never change. The functions that they call belong to the app
``todo_site.journal``: see postgresql.sql there, and sqlite.py for the views that take their place on SQLite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from .tables import OwnedTable


def quote(name: str) -> str:
    return f'"{name}"'


def plain(text: str) -> str:
    """Return the text of a trigger in the form in which both the database's words and ours are the same."""
    return re.sub(r'[\s"]', "", text).lower()


def of_table(table: OwnedTable, vendor: str) -> dict[str, str]:
    """Return the statements that create the triggers of a table, by the triggers' names."""
    if table.read_only:
        return {}
    return _postgresql(table) if vendor == "postgresql" else _sqlite(table)


# PostgreSQL


def _postgresql(table: OwnedTable) -> dict[str, str]:
    name = quote(table.name)
    differs = " OR ".join(f"OLD.{quote(column)} IS DISTINCT FROM NEW.{quote(column)}" for column in table.fixed)
    parts = {
        "journal_0_lock": f"BEFORE INSERT OR DELETE OR UPDATE ON {name} FOR EACH STATEMENT"
        " EXECUTE FUNCTION journal_lock_owner()",
        "owned_identity": f"BEFORE UPDATE ON {name} FOR EACH ROW WHEN ({differs}) EXECUTE FUNCTION owned_identity()",
    }
    before, after = "OLD TABLE AS before", "NEW TABLE AS after"
    events = {"insert": after, "update": f"{before} {after}", "delete": before}
    kinds: list[Iterable[str]] = [table.journal, table.times, table.columns_of("time"), table.columns_of("time of day")]
    arguments = ", ".join(f"'{{{','.join(columns)}}}'" for columns in kinds)
    for number, (event, transition) in enumerate(events.items(), 1):
        calls = {"insert": "journal_inserted", "update": "journal_updated", "delete": "journal_deleted"}
        call = f"{calls[event]}({arguments})"
        if not table.journal:
            call = "owned_deleted()" if event == "delete" else "owned_inserted()"
        # PostgreSQL prints OLD TABLE before NEW TABLE.
        parts[f"journal_{number}_{event}"] = (
            f"AFTER {event.upper()} ON {name} REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION {call}"
        )
    if table.journal:
        parts["journal_4_truncate"] = (
            f"BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION journal_no_truncate()"
        )
    return {trigger: f"CREATE TRIGGER {trigger} {rest}" for trigger, rest in parts.items()}


# SQLite: the canonical text of a column as Django stores it


def _uuid(value: str) -> str:  # 32 hexadecimal digits
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr(lower({value}), {start}, {length})" for start, length in parts)


def _time(value: str) -> str:  # 2026-11-28 12:00:00, and .123456 unless that is 0
    six_digits = f"substr(substr({value}, 21) || '000000', 1, 6)"
    return f"substr({value}, 1, 10) || 'T' || substr({value}, 12, 8) || '.' || {six_digits} || 'Z'"


def _time_of_day(value: str) -> str:  # 09:00:00, and .123456 unless that is 0
    return f"substr({value}, 1, 8) || '.' || substr(substr({value}, 10) || '000000', 1, 6)"


CANONICAL: dict[str, Callable[[str], str]] = {
    "text": lambda value: value,
    "date": lambda value: value,
    "integer": lambda value: f"CAST({value} AS TEXT)",
    "boolean": lambda value: f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    "uuid": _uuid,
    "time": _time,
    "time of day": _time_of_day,
    "list": lambda value: f"json({value})",  # directly inside json_array(): out of a sub-query it would be a string
}


def _changes(columns: dict[str, str], old: str | None, new: str | None) -> str:
    """Return the JSON text {column: [from, to]} of the columns that differ; None is a row that does not exist."""
    parts = []
    for name, kind in sorted(columns.items()):
        values = ", ".join(CANONICAL[kind](f"{row}.{quote(name)}") if row else "NULL" for row in (old, new))
        column = quote(name)
        differs = f"{old}.{column} IS NOT {new}.{column}" if old and new else f"{old or new}.{column} IS NOT NULL"
        parts.append(f"CASE WHEN {differs} THEN ',\"{name}\":' || json_array({values}) ELSE '' END")
    return "'{' || substr(" + "\n        || ".join(parts) + ", 2) || '}'"


def _differs(columns: Collection[str]) -> str:
    old, new = (", ".join(f"{row}.{quote(name)}" for name in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS NOT ({new})"


def _note(table: OwnedTable, row: str, verb: str, old: str | None, new: str | None) -> str:
    changes = _changes({**table.journal, **table.times}, old, new)
    return f"""INSERT INTO journal_note (id, at, salt, user_id, table_name, task_id, verb, changes)
    VALUES (journal_uuid(), journal_now(), journal_uuid(), {row}.user_id, '{table.name}', {row}.id, {verb},
        {changes});"""


def _raise_version(row: str) -> str:
    return f"INSERT INTO journal_version (user_id) VALUES ({row}.user_id);"


# Whether a deletion is to be journalled: the account stays, and its data is not being erased.
IS_KEPT = "EXISTS (SELECT 1 FROM journal_kept WHERE user_id = OLD.user_id)"


def _sqlite(table: OwnedTable) -> dict[str, str]:
    name = quote(table.name)
    identity = f"""BEFORE UPDATE ON {name} WHEN {_differs(table.fixed)}
BEGIN SELECT RAISE(ABORT, 'id, owner and time of creation of a row in {table.name} never change'); END"""
    bodies = {"owned": identity, **(_journal(table) if table.journal else _version(table))}
    names = {key: f"owned_{table.name}_identity" if key == "owned" else f"journal_{table.name}_{key}" for key in bodies}
    return {names[key]: f"CREATE TRIGGER {names[key]} {body}" for key, body in bodies.items()}


def _version(table: OwnedTable) -> dict[str, str]:
    rows = {"insert": "NEW", "update": "NEW", "delete": "OLD"}
    return {
        event: f"AFTER {event.upper()} ON {quote(table.name)} BEGIN {_raise_version(row)} END"
        for event, row in rows.items()
    }


def _journal(table: OwnedTable) -> dict[str, str]:
    name = quote(table.name)
    setting = "journal_setting('app.verb')"
    verb_of_insert = f"CASE WHEN {setting} IN ('import', 'restore') THEN {setting} ELSE 'create' END"
    verb = "'edit'"
    if "status" in table.journal:
        others = _differs([column for column in table.journal if column != "status"])
        verb = f"CASE WHEN {others} THEN 'edit' WHEN NEW.status = 'completed' THEN 'complete' ELSE 'reopen' END"
    changed = _differs(table.journal)
    deletion = _note(table, "OLD", "'delete'", "OLD", None)
    return {
        "insert": f"AFTER INSERT ON {name}\nBEGIN\n    {_note(table, 'NEW', verb_of_insert, None, 'NEW')}\nEND",
        "update": f"AFTER UPDATE ON {name} WHEN {changed}\nBEGIN\n    {_note(table, 'NEW', verb, 'OLD', 'NEW')}\nEND",
        "other": f"AFTER UPDATE ON {name} WHEN NOT ({changed}) BEGIN {_raise_version('NEW')} END",
        "delete": f"AFTER DELETE ON {name} WHEN {IS_KEPT}\nBEGIN\n    {deletion}\nEND",
    }
