"""What owned models declare. Whatever holds for all owned tables starts from owned_models()."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from django.apps import apps
from django.db import models

from .database.policies import CURRENT_VERSION
from .models import OwnedBase
from .pipeline import fetch_all_in_pipeline

type Declaration = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """The inner class Ownership of an owned model. ``journal`` and ``export`` have no default: they must be said."""

    journal: tuple[str, ...]  # fields whose changes are journal entries; () = not journalled
    export: str | None  # key in the JSON export; None = left out
    order: tuple[str, ...] = ("created_at", "id")  # order of the exported rows
    erase: bool = True  # False = kept when a person erases their data, deleted with the account
    read_only: bool = False  # True = triggers and functions of the database write it, and requests may only read it

    @classmethod
    def from_model(cls, model: type[models.Model]) -> Self:
        """Return the declaration. Raise TypeError where the class, journal or export is missing or misspelled."""
        inner = vars(getattr(model, "Ownership", object))
        declared = {name: value for name, value in inner.items() if not name.startswith("_")}
        if declared.pop("derived", False):
            declared = {"journal": (), "export": None, "read_only": True, **declared}
        return cls(**declared)


def owned_models() -> list[type[OwnedBase]]:
    """Return the concrete owned models of all installed apps, in the order of INSTALLED_APPS."""
    found = apps.get_models()
    return [model for model in found if issubclass(model, OwnedBase) and model._meta.managed and not model._meta.proxy]


def owned_tables() -> list[str]:
    return sorted(model._meta.db_table for model in owned_models())


def is_derived(model: type[models.Model]) -> bool:
    """Return whether triggers keep the table from another one: it is neither exported nor counted."""
    return bool(getattr(getattr(model, "Ownership", None), "derived", False))


def frozen_declaration(model: type[models.Model]) -> Declaration:
    """Return what the database must know, as plain data for a migration file.

    It names columns and not fields, so that a column renamed by db_column is a change too. Changing ``export``,
    ``order`` or ``erase`` needs no migration.
    """
    declared = Ownership.from_model(model)
    columns = sorted(str(model._meta.get_field(name).column) for name in declared.journal)  # type: ignore[union-attr]
    return {"version": CURRENT_VERSION, "journal": columns, "read_only": declared.read_only}


FUNCTIONS = r"\bjournal_(?:lock|note)\("  # what requests may call


@cache
def _owned_table_pattern() -> re.Pattern[str]:
    names = "|".join(map(re.escape, owned_tables()))
    return re.compile(
        rf'"(?:{names})"|\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ONLY)\s+(?:{names})\b|{FUNCTIONS}', re.IGNORECASE
    )


def names_owned_table(sql: str) -> bool:
    """Return whether a statement names an owned table: quoted, or unquoted after FROM, JOIN, INTO or UPDATE.

    So does a call of the journal's functions, which read the user of the request.
    """
    return _owned_table_pattern().search(sql) is not None


def erased_models() -> list[type[OwnedBase]]:
    return [model for model in owned_models() if Ownership.from_model(model).erase]


def exported_models() -> dict[str, type[OwnedBase]]:
    """Return the models of the JSON export by their key, in the order of INSTALLED_APPS."""
    declared = ((Ownership.from_model(model).export, model) for model in owned_models())
    return {key: model for key, model in declared if key}


def count_rows(user_id: str, **further: models.QuerySet[Any, Any]) -> dict[str, int]:
    """Return how many rows a person has in each table that erasing empties, by the model's label.

    Further ``counted()`` querysets are asked in the same round trip, and returned under their names.
    """
    counted = [model for model in erased_models() if not is_derived(model)]
    queries = {model._meta.label: model.objects.for_user(user_id).counted() for model in counted} | further
    found = fetch_all_in_pipeline(*queries.values())
    return {label: rows[0][0] if rows else 0 for label, rows in zip(queries, found, strict=True)}
