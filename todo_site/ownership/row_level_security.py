"""The second wall: PostgreSQL's row-level security on every owned table.

The statements of a request run as the role ``todo_web``, which may touch the owned tables and nothing else, and sees
only the rows of the user in ``app.user_id``. Both are set in the same pipeline as each statement: up to its end a
pipeline is one implicit transaction, so a LOCAL setting holds for exactly the statement beside it. It costs no round
trip, a pooler in transaction mode keeps one server for it, and nothing is left behind on the connection. The time
limits of a request go the same way: migrations and staff have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connection, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from .models import OwnedModel

ROLE = "todo_web"
SET = """
SELECT set_config('role', %s, true), set_config('app.user_id', %s, true),
set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)
"""
# The settings of the session stand again, whatever they are; SET LOCAL because the transaction goes on.
UNSET = """
SET LOCAL role = none; SET LOCAL app.user_id = '';
SET LOCAL statement_timeout TO DEFAULT; SET LOCAL lock_timeout TO DEFAULT
"""


def owned_tables() -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedModel))


def is_enabled() -> bool:
    return connection.vendor == "postgresql" and settings.ROW_LEVEL_SECURITY


def time_limits() -> tuple[str, str]:
    """How long a statement, and its wait for a lock, may take, in PostgreSQL's words; "0s" is no limit."""
    return f"{settings.DB_STATEMENT_TIMEOUT}s", f"{settings.DB_LOCK_TIMEOUT}s"


class RowLevelSecurityScope:
    """An execute_wrapper that lets statements see one user's rows, and not take for ever.

    ``user_id`` is asked when it is needed; "" is nobody, who sees nothing. With ``every_statement`` all of them run
    behind the wall, otherwise those that name an owned table: who is asking has to be looked up outside.
    """

    def __init__(self, user_id: Callable[[], str], *, every_statement: bool) -> None:
        self.user_id = user_id
        self.every_statement = every_statement
        self.for_staff = False
        self.names_owned = re.compile(rf"\b({'|'.join(owned_tables())})\b", re.IGNORECASE)
        self.entered = False

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.applies_to(str(sql)):
            role, user_id = ROLE, self.user_id()
            self.entered = True
        elif self.entered and context["connection"].in_atomic_block:
            role, user_id = "none", ""  # a LOCAL setting of an earlier statement holds for the whole transaction
        else:
            return execute(sql, params, many, context)
        database = context["connection"]
        if database.connection.info.transaction_status.name == "INERROR":
            return execute(sql, params, many, context)  # nothing but a ROLLBACK can be next
        with database.pipeline():
            # One telling holds for all statements that travel in one transaction and one pipeline.
            if database.scope != (role, user_id):
                database.connection.execute(SET, [role, user_id, *time_limits()])
                database.scope = role, user_id
            return execute(sql, params, many, context)

    def applies_to(self, sql: str) -> bool:
        return not self.for_staff and (self.every_statement or self.names_owned.search(sql) is not None)

    def exit(self) -> None:
        """Inside a transaction that goes on, take the role off again."""
        raw = connection.connection
        if self.entered and connection.in_atomic_block and raw.info.transaction_status.name == "INTRANS":
            raw.execute(UNSET)


@contextmanager
def scoped_to(user_id: Callable[[], str], *, every_statement: bool = True) -> Iterator[RowLevelSecurityScope]:
    """Let the statements within see the rows of this user only. A streamed answer needs it inside its generator."""
    scope = RowLevelSecurityScope(user_id, every_statement=every_statement)
    if not is_enabled():
        yield scope
        return
    with connection.execute_wrapper(scope):
        try:
            yield scope
        finally:
            scope.exit()


class EnableRowSecurity(Operation):
    """Puts an owned table behind the wall: the role, its rights on the table, and the policy."""

    reversible = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        table = schema_editor.quote_name(model._meta.db_table)
        # A setting is text, and '' after it was set once in a session: neither may ever stand for everybody.
        asking = "nullif(current_setting('app.user_id', true), '')"
        owner_type = model._meta.get_field("user").db_type(schema_editor.connection)
        owner = f"{asking}::uuid" if owner_type == "uuid" else asking
        with_set = " WITH SET TRUE" if schema_editor.connection.pg_version >= 160000 else ""  # type: ignore[attr-defined]
        statements = f"""
            DO $$ BEGIN
                CREATE ROLE {ROLE} NOLOGIN NOINHERIT;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$;
            GRANT {ROLE} TO CURRENT_USER{with_set};
            DO $$ BEGIN
                EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());
            END $$;
            GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE};
            CREATE POLICY owner ON {table} TO {ROLE} USING (user_id = {owner}) WITH CHECK (user_id = {owner});
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY
        """
        schema_editor.execute(statements, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Takes the scope down. The role stays: other databases of the server may use it."""
        if schema_editor.connection.vendor != "postgresql":
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        table = schema_editor.quote_name(model._meta.db_table)
        schema_editor.execute(
            f"""
            ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
            DROP POLICY owner ON {table};
            REVOKE ALL ON {table} FROM {ROLE}
            """,
            params=None,
        )

    def describe(self) -> str:
        return f"Enable row-level security on {self.model_name}"


def missing() -> list[str]:
    """What of the scope does not stand in this database, in words; [] when all of it does."""
    if not settings.ROW_LEVEL_SECURITY:
        return ["ROW_LEVEL_SECURITY is off."]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls, pg_has_role(current_user, oid, 'MEMBER')"
            " FROM pg_roles WHERE rolname = %s",
            [ROLE],
        )
        role = cursor.fetchone()
        if role is None:
            return [f"The role {ROLE} does not exist: run manage.py migrate."]
        found = [f"The role {ROLE} bypasses row-level security."] if role[0] else []
        found += [] if role[1] else [f"The login is no member of the role {ROLE}."]
        for table in owned_tables():
            cursor.execute(
                "SELECT relrowsecurity, pg_has_role(%s, relowner, 'MEMBER'),"
                " (SELECT array_agg(polname::text) FROM pg_policy WHERE polrelid = pg_class.oid)"
                " FROM pg_class WHERE oid = to_regclass(%s)",
                [ROLE, f'"{table}"'],
            )
            enabled, owns, policies = cursor.fetchone() or (False, False, None)
            found += [] if enabled else [f"Row-level security is not enabled on {table}."]
            found += [f"The role {ROLE} owns {table}, and so is not held by its policy."] if owns else []
            found += (
                [] if policies == ["owner"] else [f"The policies on {table} are {policies}, not the one of its owner."]
            )
    return found


@register(Tags.database)
def check_row_security(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """tasks.E004: row-level security does not stand on a PostgreSQL database whose tables are made."""
    if "default" not in (databases or []) or connections["default"].vendor != "postgresql":
        return []
    try:
        tables = connection.introspection.table_names()
        problems = missing() if set(owned_tables()) <= set(tables) else []
    except DatabaseError:
        return []  # a database that is away says nothing about its walls; /readyz reports it
    return [Error(problem, hint="manage.py isolation shows all walls.", id="tasks.E004") for problem in problems]
