"""System checks: the declarations, every relation to an owned table, and with --database what a database lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldDoesNotExist
from django.db import OperationalError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from .database.policies import ROLE, VERSIONS
from .database.tables import OwnedTable, kind_of
from .database.triggers import plain
from .fields import OwnedForeignKey, OwnershipConstraint
from .managers import OwnedManager
from .models import OwnedBase
from .operations import OPTION
from .registry import Ownership, owned_models


@register(Tags.models)
def check_owned_models(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return ownership.E001 to E003 and E005, over all models: a relation may come from any app."""
    found: list[CheckMessage] = []
    for model in apps.get_models(include_auto_created=True):
        found.extend(check_relations(model))
        if issubclass(model, OwnedBase):
            found.extend(check_reverse_names(model))
            found.extend(check_managers(model))
    for owned in owned_models():
        found.extend(check_declaration(owned))
    return found


def check_relations(model: type[models.Model]) -> Iterator[CheckMessage]:
    for field in [*model._meta.local_fields, *model._meta.local_many_to_many, *model._meta.private_fields]:
        target = field.related_model
        if isinstance(target, type) and issubclass(target, OwnedBase) and not isinstance(field, OwnedForeignKey):
            yield Error(
                f"{field} points to {target._meta.label}, an owned model: "
                "a join through it could return rows of other users.",
                hint="Use OwnedForeignKey, or a plain field for the id and objects.for_user() to look the row up.",
                obj=field,
                id="ownership.E001",
            )


def check_reverse_names(model: type[models.Model]) -> Iterator[CheckMessage]:
    for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
        if field.remote_field is not None and not str(field.remote_field.related_name or "").endswith("+"):
            yield Error(
                f"{field} gives {field.related_model} a relation to {model._meta.label} that bypasses its owner.",
                hint='Set related_name="+".',
                obj=field,
                id="ownership.E002",
            )


def check_managers(model: type[models.Model]) -> Iterator[CheckMessage]:
    for manager in [*model._meta.managers, model._base_manager]:
        if not isinstance(manager, OwnedManager):
            yield Error(
                f"{model._meta.label}.{manager.name} is not an OwnedManager: it would return rows of all users.",
                hint="Use OwnedManager, and base_manager_name = 'objects' in the model's Meta.",
                obj=model,
                id="ownership.E003",
            )


def check_declaration(model: type[models.Model]) -> Iterator[CheckMessage]:
    try:
        declared = Ownership.from_model(model)
        for name in (*declared.journal, *(declared.order if declared.export else ())):
            require_canonical_text(model._meta.get_field(name), name in declared.journal)
    except (TypeError, FieldDoesNotExist) as error:
        yield Error(
            f"class Ownership of {model._meta.label}: {error}",
            hint="Say journal = (fields whose changes are entries) and export = (key in the JSON export, or None).",
            obj=model,
            id="ownership.E005",
        )
    if model._meta.parents:
        yield Error(f"{model._meta.label} has no owner in its own table.", obj=model, id="ownership.E006")
    for field in model._meta.local_many_to_many:
        if getattr(field.remote_field.through, "_meta").auto_created:  # noqa: B009  not typed as a model
            hint = "Give it an owned model with through=."
            yield Error(f"The table of {field} has no owner.", hint=hint, obj=field, id="ownership.E007")


def require_canonical_text(field: Any, is_journalled: bool) -> None:
    if is_journalled and kind_of(field) is None:
        raise TypeError(f"{field.name} cannot be journalled: a {type(field).__name__} has no canonical text")


@register(Tags.database)
def check_database(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return ownership.E004 for each difference between what the applied migrations made and the database."""
    errors: list[CheckMessage] = []
    for alias in databases or ():
        try:
            lines = differences(connections[alias])
        except OperationalError:  # not DatabaseError: a wrong query here would look like a sound database
            continue  # /readyz reports a database that is unavailable
        hint = "manage.py check_isolation shows all layers."
        errors += [Error(line, hint=hint, id="ownership.E004") for line in lines]
    return errors


def differences(connection: Any) -> list[str]:
    """Return one line for each difference; [] for a sound database. Raise OperationalError if it is unavailable.

    The live models are the wrong measure: migrate runs this check before it migrates, and would refuse to start while
    a migration is pending. ``makemigrations --check`` compares the models with the migrations.
    """
    loader = MigrationLoader(connection)
    applied = frozenset(node for node in loader.applied_migrations if node in loader.graph.nodes)
    tables = expected_tables(connection.alias, applied)
    lines = role_problems(connection) if tables and connection.vendor == "postgresql" else []
    for table, expected in tables.items():
        found = stored_objects(connection, table, expected)
        lines += [f"{table}: {name} is missing" for name in expected if name not in found]
        lines += [f"{table}: {name} is not expected" for name in found if name not in expected]
        lines += [
            f"{table}: {name} differs: {found[name]}"
            for name in expected
            if name in found and expected[name] != found[name]
        ]
    return lines


@cache
def expected_tables(alias: str, applied: frozenset[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Return by table what the applied migrations made to keep it to its owners, as {name: text}."""
    connection = connections[alias]
    state = MigrationLoader(connection).project_state(list(applied))
    tables = {}
    for key, model_state in sorted(state.models.items()):
        declared = model_state.options.get(OPTION)
        constraints = [one for one in model_state.options["constraints"] if isinstance(one, OwnershipConstraint)]
        if declared is None and not constraints:
            continue
        model: Any = state.apps.get_model(*key)
        expected = {f"constraint {one.name}": _plain(one.definition(model, str)) for one in constraints}
        if declared is not None:
            table = OwnedTable.from_declaration(model, declared, connection)
            expected |= VERSIONS[declared["version"]].expected(table, connection)
        tables[model._meta.db_table] = expected
    return tables


def _plain(text: str) -> str:
    return re.sub(r'[\s"]', "", text)


def role_problems(connection: BaseDatabaseWrapper) -> list[str]:
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
        return [f"The role {ROLE} does not exist. Run manage.py migrate."]
    bypasses, is_member = role
    found = [f"The role {ROLE} bypasses row-level security."] if bypasses else []
    return found if is_member else [*found, f"The login is not a member of the role {ROLE}."]


STORED_OBJECTS = """
SELECT 'row-level security', 'enabled' FROM pg_class WHERE oid = %(table)s::regclass AND relrowsecurity
UNION ALL
SELECT 'policy ' || polname, format('%%s %%s TO %%s USING %%s WITH CHECK %%s',
    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE polcmd WHEN '*' THEN 'ALL' ELSE polcmd::text END,
    (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END, ', ') FROM unnest(polroles) r),
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM pg_policy WHERE polrelid = %(table)s::regclass
UNION ALL
SELECT 'grant to ' || coalesce(rolname, 'PUBLIC'), string_agg(privilege_type, ', ' ORDER BY privilege_type)
FROM pg_class, aclexplode(relacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
WHERE pg_class.oid = %(table)s::regclass AND grantee <> relowner AND (grantee = 0 OR rolname = %(role)s)
GROUP BY rolname
UNION ALL
SELECT 'owner ' || %(role)s, 'held by no policy' FROM pg_class
WHERE oid = %(table)s::regclass AND pg_has_role(%(role)s, relowner, 'MEMBER')
UNION ALL
SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND conname = ANY(%(constraints)s)
UNION ALL
SELECT 'trigger ' || tgname, pg_get_triggerdef(oid, true) || CASE tgenabled WHEN 'O' THEN '' ELSE ' is disabled' END
FROM pg_trigger WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal
"""


def stored_objects(connection: Any, table: str, expected: dict[str, str]) -> dict[str, str]:
    """Return what a database has on a table, as {name: text}; of constraints those that are expected."""
    constraints = [name.removeprefix("constraint ") for name in expected if name.startswith("constraint ")]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            values = {"table": connection.ops.quote_name(table), "role": ROLE, "constraints": constraints}
            cursor.execute(STORED_OBJECTS, values)
            found = dict(cursor.fetchall())
        else:
            cursor.execute("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = %s", [table])
            row = cursor.fetchone()
            rule = r'CONSTRAINT "(\w+)" (UNIQUE \([^)]*\)|FOREIGN KEY \([^)]*\) REFERENCES [^)]*\)[^,)]*)'
            found = {f"constraint {name}": text for name, text in re.findall(rule, row[0] if row else "")}
            found = {name: text for name, text in found.items() if name in expected}
            cursor.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = %s", [table])
            found |= {f"trigger {name}": text for name, text in cursor.fetchall()}
    found = {name: text for name, text in found.items() if name in expected or not name.startswith("trigger ")}
    forms = {"constraint": _plain, "trigger": plain}
    return {name: forms.get(name.partition(" ")[0], str)(text) for name, text in found.items()}
