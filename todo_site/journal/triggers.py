"""Triggers on PostgreSQL and SQLite that make the journal append-only."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

# Entries can be deleted with the owner's account, or after an entry of the owner with the verb "erase".
FORWARDS = {
    "postgresql": [
        """
        CREATE FUNCTION task_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF pg_trigger_depth() > 1 THEN -- by the foreign key
                    RETURN OLD;
                END IF;
                IF EXISTS (SELECT 1 FROM task_event WHERE user_id = OLD.user_id AND verb = 'erase') THEN
                    RETURN OLD;
                END IF;
            END IF;
            RAISE EXCEPTION 'task_event is append-only' USING ERRCODE = 'restrict_violation';
        END $$
        """,
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON task_event
            FOR EACH ROW EXECUTE FUNCTION task_event_append_only()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER task_event_no_update BEFORE UPDATE ON task_event
        BEGIN SELECT RAISE(ABORT, 'task_event is append-only'); END
        """,
        """
        CREATE TRIGGER task_event_no_delete BEFORE DELETE ON task_event
        WHEN EXISTS (SELECT 1 FROM "user" WHERE id = OLD.user_id)
            AND NOT EXISTS (SELECT 1 FROM task_event WHERE user_id = OLD.user_id AND verb = 'erase')
        BEGIN SELECT RAISE(ABORT, 'task_event is append-only'); END
        """,
    ],
}
BACKWARDS = {
    "postgresql": ["DROP TRIGGER append_only ON task_event", "DROP FUNCTION task_event_append_only"],
    "sqlite": ["DROP TRIGGER task_event_no_update", "DROP TRIGGER task_event_no_delete"],
}


class MakeAppendOnly(Operation):
    """Make the database reject UPDATE and single DELETE on ``task_event``."""

    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.run(schema_editor, FORWARDS)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.run(schema_editor, BACKWARDS)

    def run(self, schema_editor: BaseDatabaseSchemaEditor, statements: dict[str, list[str]]) -> None:
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return "Make task_event append-only"
