"""System check of a database: what InstallJournal made, against what is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder

from todo_site.ownership.database.policies import ROLE
from todo_site.ownership.database.triggers import plain

from . import sqlite
from .operations import INSTALLED_BY, postgresql_text

FUNCTION = re.compile(r"^CREATE FUNCTION (\w+)\((.*?)\$\$(.*?)\$\$", re.DOTALL | re.MULTILINE)
TRIGGER = re.compile(r"^CREATE TRIGGER (\w+) .*? ON (\w+)\b.*?;", re.DOTALL | re.MULTILINE)
GRANT = re.compile(r"^GRANT EXECUTE ON FUNCTION (.*) TO", re.MULTILINE)

STORED = """
SELECT 'function ' || proname,
    prosrc || CASE WHEN prosecdef THEN ' as owner' ELSE '' END
    || CASE WHEN prosecdef AND NOT proconfig
           @> ARRAY['search_path=pg_catalog, ' || quote_ident(current_schema()) || ', pg_temp']
       THEN ' with another search_path' ELSE '' END
    || CASE WHEN EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
       THEN ' for PUBLIC' ELSE '' END
    || CASE WHEN has_function_privilege(%(role)s, pg_proc.oid, 'EXECUTE') THEN ' for the role of requests' ELSE '' END
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
UNION ALL
SELECT 'trigger ' || tgname || ' on ' || relname,
    pg_get_triggerdef(pg_trigger.oid, true) || CASE tgenabled WHEN 'O' THEN '' ELSE ' is disabled' END
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
"""


@register(Tags.database)
def check_journal(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return journal.E001 for each difference."""
    errors: list[CheckMessage] = []
    for alias in databases or ():
        try:
            lines = differences(connections[alias])
        except OperationalError:
            continue  # /readyz reports a database that is unavailable
        hint = "Changes may be missing in the journal. Compare the database with a new one."
        errors += [Error(line, hint=hint, id="journal.E001") for line in lines]
    return errors


def differences(connection: Any) -> list[str]:
    """Return one line for each difference; [] for a sound database, and before the migration."""
    if INSTALLED_BY not in MigrationRecorder(connection).applied_migrations():
        return []
    expected, found = (expected_on_postgresql, stored_on_postgresql)
    if connection.vendor != "postgresql":
        expected, found = (expected_on_sqlite, stored_on_sqlite)
    there = found(connection)
    lines = []
    for name, text in expected(connection).items():
        if name not in there:
            lines.append(f"journal: {name} is missing")
        elif plain(there[name]) != plain(text):
            lines.append(f"journal: {name} differs")
    return lines


def expected_on_postgresql(connection: Any) -> dict[str, str]:
    text = postgresql_text(connection, get_user_model())
    granted = re.findall(r"\w+(?=\()", " ".join(GRANT.findall(text)))
    functions = {}
    for name, head, body in FUNCTION.findall(text):
        as_owner = " as owner" if "SECURITY DEFINER" in head else ""
        functions[f"function {name}"] = body + as_owner + (" for the role of requests" if name in granted else "")
    triggers = {f"trigger {found[1]} on {found[2]}": found[0].rstrip(";") for found in TRIGGER.finditer(text)}
    return functions | triggers


def stored_on_postgresql(connection: Any) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(STORED, {"role": ROLE})
        return dict(cursor.fetchall())


def expected_on_sqlite(connection: Any) -> dict[str, str]:
    entry = apps.get_model("journal", "JournalEntry")
    columns = [str(field.column) for field in entry._meta.local_concrete_fields]
    user_table = connection.ops.quote_name(get_user_model()._meta.db_table)
    return {f"{kind} {name}": text for (kind, name), text in sqlite.objects(user_table, columns).items()}


def stored_on_sqlite(connection: Any) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT type || ' ' || name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')")
        return dict(cursor.fetchall())
