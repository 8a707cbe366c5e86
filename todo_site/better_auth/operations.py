"""A migration operation that creates Better Auth's tables as its own migration does."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# The tables of Better Auth 1.7 on PostgreSQL. {id} is text, or uuid if the server created "user" with uuid.
POSTGRESQL = {
    "user": """
        CREATE TABLE "user" (
            id {id} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            email text NOT NULL UNIQUE,
            "emailVerified" boolean NOT NULL,
            image text,
            "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
            "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
        )""",
    "session": """
        CREATE TABLE session (
            id {id} NOT NULL PRIMARY KEY,
            "expiresAt" timestamptz NOT NULL,
            token text NOT NULL UNIQUE,
            "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
            "updatedAt" timestamptz NOT NULL,
            "ipAddress" text,
            "userAgent" text,
            "userId" {id} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE
        );
        CREATE INDEX "session_userId_idx" ON session ("userId")""",
    "account": """
        CREATE TABLE account (
            id {id} NOT NULL PRIMARY KEY,
            "accountId" text NOT NULL,
            "providerId" text NOT NULL,
            "userId" {id} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
            "accessToken" text,
            "refreshToken" text,
            "idToken" text,
            "accessTokenExpiresAt" timestamptz,
            "refreshTokenExpiresAt" timestamptz,
            scope text,
            password text,
            "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
            "updatedAt" timestamptz NOT NULL
        );
        CREATE INDEX "account_userId_idx" ON account ("userId")""",
    "verification": """
        CREATE TABLE verification (
            id {id} NOT NULL PRIMARY KEY,
            identifier text NOT NULL,
            value text NOT NULL,
            "expiresAt" timestamptz NOT NULL,
            "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
            "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
        );
        CREATE INDEX verification_identifier_idx ON verification (identifier)""",
}


class CreateModelIfMissing(migrations.CreateModel):
    """Create the table of a model, unless Better Auth's server has already created it. Never drop it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        table = model._meta.db_table
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            if table in connection.introspection.table_names(cursor):
                return
        if connection.vendor == "postgresql":
            id_type = to_state.apps.get_model(app_label, "User")._meta.pk.db_type(connection)
            schema_editor.execute(POSTGRESQL[table].format(id=id_type), params=None)
        else:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, *args: Any) -> None:
        """Keep the table: the accounts belong to Better Auth."""
