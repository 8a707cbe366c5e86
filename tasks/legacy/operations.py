from __future__ import annotations

from functools import partial
from typing import Any

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from . import get_legacy_table

FOREIGN_KEY_NAME = "fk_task_user"


class CreateTask(migrations.CreateModel):
    """CreateModel that migrates the legacy table, and gives the foreign key a fixed name and makes it immediate."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        legacy = get_legacy_table(schema_editor.connection)
        # sqlmigrate only collects the SQL: it must not move a table.
        has_legacy_table = not schema_editor.collect_sql and legacy.exists()
        if has_legacy_table:
            legacy.require_migratable()
            legacy.rename_away()
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        set_foreign_key_name(schema_editor)
        if has_legacy_table:
            legacy.migrate()
            # Print the report at every verbosity: somebody must know about the waiting rows.
            print_report = partial(print, f"\n{legacy.build_report()}")
            transaction.on_commit(print_report, using=schema_editor.connection.alias)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        super().database_backwards(app_label, schema_editor, from_state, to_state)
        legacy = get_legacy_table(schema_editor.connection)
        if not schema_editor.collect_sql and legacy.is_kept():
            legacy.rename_back()


def set_foreign_key_name(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in schema_editor.deferred_sql:
        is_foreign_key = getattr(statement, "template", "") == schema_editor.sql_create_fk
        if is_foreign_key and statement.references_table("task"):
            statement.parts["name"] = FOREIGN_KEY_NAME
            statement.parts["deferrable"] = ""
