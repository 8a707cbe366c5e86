"""The SQL that keeps an owned table to its owners, by version.

Migrations name a version, so the SQL of a version never changes. A changed policy is a new version with a raised
CURRENT_VERSION: makemigrations then emits SyncOwnership for every owned model.
"""

from __future__ import annotations

from collections.abc import Sequence

ROLE = "todo_web"
CURRENT_VERSION = 1


class Version1:
    """Row-level security for the role of requests. SQLite has none: there is nothing to make."""

    def owner(self, owner_type: str) -> str:
        """Return the current owner as SQL. A setting that was set once is '' afterwards: '' must match nobody."""
        setting = "nullif(current_setting('app.user_id', true), '')"
        return f"{setting}::uuid" if owner_type == "uuid" else setting

    def create_postgresql(self, table: str, owner_type: str, journal: Sequence[str], pg_version: int) -> list[str]:
        condition = f"(user_id = {self.owner(owner_type)})"
        with_set, privilege = (" WITH SET TRUE", "SET") if pg_version >= 160000 else ("", "MEMBER")
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
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}",
            f"CREATE POLICY owner ON {table} TO {ROLE} USING {condition} WITH CHECK {condition}",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        ]

    def remove_postgresql(self, table: str) -> list[str]:
        """Return what removes all that may exist. The role stays: other databases of the server may use it."""
        return [
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS owner ON {table}",
            f"REVOKE ALL ON {table} FROM {ROLE}",
        ]

    def expected_postgresql(self, owner_type: str) -> dict[str, str]:
        """Return what must exist on a table, by name, in the words in which checks.STORED_OBJECTS reads it back."""
        condition = self.policy_as_stored(owner_type)
        return {
            "row-level security": "enabled",
            "policy owner": f"PERMISSIVE ALL TO {ROLE} USING {condition} WITH CHECK {condition}",
            f"grant to {ROLE}": "DELETE, INSERT, SELECT, UPDATE",
        }

    def policy_as_stored(self, owner_type: str) -> str:
        """Return the condition as PostgreSQL prints it: each new major version must run the tests."""
        setting = "NULLIF(current_setting('app.user_id'::text, true), ''::text)"
        if owner_type.startswith("varchar"):
            return f"((user_id)::text = {setting})"
        return f"(user_id = ({setting})::uuid)" if owner_type == "uuid" else f"(user_id = {setting})"


VERSIONS = {1: Version1()}
