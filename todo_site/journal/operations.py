from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddField
from django.db.migrations.operations.base import Operation

from todo_site.ownership.database.policies import ROLE

from . import sqlite
from .triggers import BACKWARDS as REMOVE_VERSION_1
from .triggers import FORWARDS as VERSION_1

INSTALLED_BY = ("journal", "0002_journal_by_triggers")  # the migration with InstallJournal
POSTGRESQL = Path(__file__).with_name("postgresql.sql")
UNINSTALL_POSTGRESQL = """
DROP TRIGGER append_only_delete ON task_event;
DROP TRIGGER append_only_update ON task_event;
DROP TRIGGER append_only_truncate ON task_event;
DROP TRIGGER append_only_truncate ON journal_head;
DO $$
DECLARE
    routine record;
BEGIN
    FOR routine IN SELECT oid::regprocedure AS name, prokind FROM pg_proc
                   WHERE pronamespace = current_schema()::regnamespace AND proname ~ '^(journal|owned)_'
                   ORDER BY prokind
    LOOP
        EXECUTE format('DROP %s %s', CASE routine.prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, routine.name);
    END LOOP;
END $$;
DROP TYPE journal_line;
"""


class AddLastingField(AddField):
    """Add a column that stays when the migration is reversed, with its data: the version before ignores it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        with schema_editor.connection.cursor() as cursor:
            columns = schema_editor.connection.introspection.get_table_description(cursor, model._meta.db_table)
        if model._meta.get_field(self.name).column not in [column.name for column in columns]:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        pass


class InstallJournal(Operation):
    """Create the functions, views and append-only triggers of the journal."""

    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for statement in [
            *REMOVE_VERSION_1[schema_editor.connection.vendor],
            *statements(schema_editor, to_state.apps),
        ]:
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        vendor = schema_editor.connection.vendor
        dropped = [UNINSTALL_POSTGRESQL]
        if vendor != "postgresql":  # triggers first: those of a view are dropped with it
            dropped = [f"DROP {kind} {name}" for kind, name in sorted(sqlite_objects(schema_editor, from_state.apps))]
        for statement in [*dropped, *VERSION_1[vendor]]:
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return "Install the journal"


def statements(schema_editor: Any, apps: Any) -> list[str]:
    if schema_editor.connection.vendor == "postgresql":
        return [postgresql_text(schema_editor.connection, apps.get_model(settings.AUTH_USER_MODEL))]
    return list(sqlite_objects(schema_editor, apps).values())


def postgresql_text(connection: Any, user: Any) -> str:
    """Return postgresql.sql for this table of users."""
    owner = "uuid" if user._meta.pk.db_type(connection) == "uuid" else "text"
    names = {"user_table": connection.ops.quote_name(user._meta.db_table), "owner": owner, "role": ROLE}
    text = POSTGRESQL.read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def sqlite_objects(schema_editor: Any, apps: Any) -> dict[tuple[str, str], str]:
    user_table = schema_editor.quote_name(apps.get_model(settings.AUTH_USER_MODEL)._meta.db_table)
    entry = apps.get_model("journal", "JournalEntry")
    return sqlite.objects(user_table, [field.column for field in entry._meta.local_concrete_fields])
