from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from tasks.models import Task
from todo_site.ownership.checks import check_owned_models
from todo_site.ownership.managers import UserIdRequired
from todo_site.ownership.row_level_security import missing, owned_tables

type RowLevelSecurityScope = tuple[str, list[str]]


class Command(BaseCommand):
    help = "Says which walls between users stand, and fails when one that should stand does not."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for name, problems in isolation_layers():
            self.stdout.write(f"{'MISSING' if problems else 'stands ':8}{name}")
            for problem in problems:
                self.stdout.write(f"        {problem}")
            broken += bool(problems)
        for note in notes():
            self.stdout.write(f"note    {note}")
        if broken:
            raise CommandError(f"{broken} of the walls do not stand.")


def isolation_layers() -> Iterator[RowLevelSecurityScope]:
    yield "owned manager: a query without a user is refused", unbound_query_runs()
    yield "system checks: no relation leads into an owned table", [error.msg for error in check_owned_models()]
    yield "foreign key: an owner exists, and takes their rows along", tables_without_owner()
    if connection.vendor == "postgresql":
        yield "row-level security: role, rights and policies", missing()


def unbound_query_runs() -> list[str]:
    try:
        str(Task.objects.all().query)
    except UserIdRequired:
        return []
    return ["Task.objects.all() compiles without a user."]


def tables_without_owner() -> list[str]:
    problems = []
    with connection.cursor() as cursor:
        for table in owned_tables():
            constraints = connection.introspection.get_constraints(cursor, table).values()
            if not any(one["columns"] == ["user_id"] and one["foreign_key"] == ("user", "id") for one in constraints):
                problems.append(f"{table}.user_id is no foreign key to the users.")
    return problems


def notes() -> Iterator[str]:
    """What is no wall missing, but good to know."""
    if connection.vendor != "postgresql":
        yield "SQLite has no row-level security: the owned manager stands alone there."
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        login, bypasses = cursor.fetchone()
    if bypasses:
        yield f"The login {login} bypasses row-level security by itself; requests give it up for the role of the wall."
