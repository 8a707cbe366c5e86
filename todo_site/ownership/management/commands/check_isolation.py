from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import Tags, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from todo_site.ownership.checks import check_owned_models, differences
from todo_site.ownership.managers import UserIdRequired
from todo_site.ownership.registry import owned_models, owned_tables

type Layer = tuple[str, list[str]]


class Command(BaseCommand):
    help = "Report the isolation layers between users, and fail if a required one is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for name, problems in isolation_layers():
            self.stdout.write(f"{'MISSING' if problems else 'ok':8}{name}")
            for problem in problems:
                self.stdout.write(f"        {problem}")
            broken += bool(problems)
        for note in notes():
            self.stdout.write(f"note    {note}")
        if broken:
            raise CommandError(f"Missing isolation layers: {broken}.")


def isolation_layers() -> Iterator[Layer]:
    yield "owned manager: queries without a user are rejected", find_unbound_queries()
    yield "system checks: no relation points to an owned table", [error.msg for error in check_owned_models()]
    yield "foreign keys: every row has an owner and is deleted with it", find_tables_without_owner()
    yield "database: role, rights, policies, triggers and keys are as migrated", differences(connection)
    found = run_checks(tags=[Tags.database], databases=[connection.alias])
    yield "journal: its functions and triggers are as migrated", [one.msg for one in found if one.id == "journal.E001"]


def find_unbound_queries() -> list[str]:
    problems = []
    for model in owned_models():
        try:
            str(model.objects.all().query)
        except UserIdRequired:
            continue
        problems.append(f"{model.__name__}.objects.all() compiles without a user.")
    return problems


CASCADES = {
    "postgresql": """
        SELECT conrelid::regclass::text FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND cardinality(conkey) = 1 AND attname = 'user_id' AND confdeltype = 'c'
            AND confrelid = '"user"'::regclass""",
    "sqlite": """
        SELECT name FROM sqlite_schema JOIN pragma_foreign_key_list(name) AS key
        WHERE type = 'table' AND key."table" = 'user' AND key."from" = 'user_id' AND key.on_delete = 'CASCADE'""",
}


def find_tables_without_owner() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(CASCADES[connection.vendor])
        cascading = {row[0].strip('"') for row in cursor.fetchall()}
    return [
        f"{table}.user_id has no foreign key to the users that deletes its rows with their owner."
        for table in owned_tables()
        if table not in cascading
    ]


def notes() -> Iterator[str]:
    """Yield what is good to know about layers that are complete."""
    if connection.vendor != "postgresql":
        yield "SQLite has no row-level security. Only the owned manager isolates users."
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        login, bypasses = cursor.fetchone()
    if bypasses:
        yield f"The login role {login} bypasses row-level security. Requests switch to a restricted role."
