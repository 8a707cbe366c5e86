"""The SQL that keeps an owned table to its owners, by version.

Migrations name a version, so the SQL of a version never changes. A changed policy is a new version with a raised
CURRENT_VERSION: makemigrations then emits SyncOwnership for every owned model.
"""

from __future__ import annotations

from typing import Any

from . import triggers
from .tables import OwnedTable

ROLE = "todo_web"
CURRENT_VERSION = 2


class Version1:
    """Row-level security for the role of requests. SQLite has none: there is nothing to make."""

    def create(self, table: OwnedTable, connection: Any) -> list[str]:
        """Return the statements that make everything."""
        return self.create_postgresql(table, connection) if connection.vendor == "postgresql" else []

    def remove(self, table: OwnedTable, connection: Any) -> list[str]:
        """Return the statements that remove everything."""
        return self.remove_postgresql(table) if connection.vendor == "postgresql" else []

    def expected(self, table: OwnedTable, connection: Any) -> dict[str, str]:
        """Return what must exist on a table, by name, in the words in which checks.stored_objects() reads it back."""
        return self.expected_postgresql(table) if connection.vendor == "postgresql" else {}

    def owner(self, owner_type: str) -> str:
        """Return the current owner as SQL. A setting that was set once is '' afterwards: '' must match nobody."""
        setting = "nullif(current_setting('app.user_id', true), '')"
        return f"{setting}::uuid" if owner_type == "uuid" else setting

    def privileges(self, table: OwnedTable) -> list[str]:
        return ["DELETE", "INSERT", "SELECT", "UPDATE"]

    def create_postgresql(self, table: OwnedTable, connection: Any) -> list[str]:
        condition = f"(user_id = {self.owner(table.owner_type)})"
        with_set, privilege = (" WITH SET TRUE", "SET") if connection.pg_version >= 160000 else ("", "MEMBER")
        name = triggers.quote(table.name)
        return [
            f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
                    CREATE ROLE {ROLE} NOLOGIN NOINHERIT;
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """,
            # Roles belong to the whole server: two databases that migrate at once must not both grant.
            f"""
            DO $$ BEGIN
                IF NOT pg_has_role(current_user, '{ROLE}', '{privilege}') THEN
                    GRANT {ROLE} TO CURRENT_USER{with_set};
                END IF;
            END $$
            """,
            f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema()); END $$",
            *self.remove_postgresql(table),
            f"GRANT {', '.join(self.privileges(table))} ON {name} TO {ROLE}",
            f"CREATE POLICY owner ON {name} TO {ROLE} USING {condition} WITH CHECK {condition}",
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        ]

    def remove_postgresql(self, table: OwnedTable) -> list[str]:
        """Return what removes all that may exist. The role stays: other databases of the server may use it."""
        name = triggers.quote(table.name)
        return [
            f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS owner ON {name}",
            f"REVOKE ALL ON {name} FROM {ROLE}",
        ]

    def expected_postgresql(self, table: OwnedTable) -> dict[str, str]:
        condition = self.policy_as_stored(table.owner_type)
        return {
            "row-level security": "enabled",
            "policy owner": f"PERMISSIVE ALL TO {ROLE} USING {condition} WITH CHECK {condition}",
            f"grant to {ROLE}": ", ".join(self.privileges(table)),
        }

    def policy_as_stored(self, owner_type: str) -> str:
        """Return the condition as PostgreSQL prints it: each new major version must run the tests."""
        setting = "NULLIF(current_setting('app.user_id'::text, true), ''::text)"
        if owner_type.startswith("varchar"):
            return f"((user_id)::text = {setting})"
        return f"(user_id = ({setting})::uuid)" if owner_type == "uuid" else f"(user_id = {setting})"


class Version2(Version1):
    """The journal's triggers on both databases. Requests may only read tables that triggers and functions write."""

    def privileges(self, table: OwnedTable) -> list[str]:
        return ["SELECT"] if table.read_only else super().privileges(table)

    def create(self, table: OwnedTable, connection: Any) -> list[str]:
        texts = triggers.of_table(table, connection.vendor)
        return [*super().create(table, connection), *texts.values()]

    def remove(self, table: OwnedTable, connection: Any) -> list[str]:
        on_table = f" ON {triggers.quote(table.name)}" if connection.vendor == "postgresql" else ""
        dropped = [f"DROP TRIGGER {name}{on_table}" for name in triggers.of_table(table, connection.vendor)]
        return [*dropped, *super().remove(table, connection)]

    def expected(self, table: OwnedTable, connection: Any) -> dict[str, str]:
        texts = triggers.of_table(table, connection.vendor)
        return super().expected(table, connection) | {
            f"trigger {name}": triggers.plain(text) for name, text in texts.items()
        }


VERSIONS = {1: Version1(), 2: Version2()}
