"""The two constraints of a foreign key between rows of one owner.

They are part of Meta.constraints and so of Django's migration state: the autodetector emits them, and SQLite's table
remakes keep them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from django.db import models


class OwnershipConstraint(models.BaseConstraint):
    @abstractmethod
    def definition(self, model: Any, quote: Callable[[str], str]) -> str: ...

    @abstractmethod
    def same_as(self, other: OwnershipConstraint) -> bool:
        """Return whether both keep the same thing, whatever their names."""

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        return f"CONSTRAINT {quote(self.name)} {self.definition(model, quote)}"

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: Any = None) -> None:
        """Leave it to the database: full_clean() would query without an owner."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()

    __hash__ = models.BaseConstraint.__hash__


class OwnerKey(OwnershipConstraint):
    """UNIQUE (user_id, id) on a table that an OwnedForeignKey refers to."""

    def same_as(self, other: OwnershipConstraint) -> bool:
        return isinstance(other, OwnerKey)

    def definition(self, model: Any, quote: Callable[[str], str]) -> str:
        return f"UNIQUE ({quote(model._meta.get_field('user').column)}, {quote(model._meta.pk.column)})"


class OwnedReference(OwnershipConstraint):
    """FOREIGN KEY (user_id, <field>) REFERENCES <target> (user_id, id), checked when the transaction ends.

    NO ACTION and deferred: RESTRICT would stop the cascade of a deleted account on SQLite, depending on the order in
    which the tables were made. The target is read from the field, so renaming it changes nothing here.
    """

    def __init__(self, *, field: str, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.field = field

    def same_as(self, other: OwnershipConstraint) -> bool:
        return isinstance(other, OwnedReference) and self.field == other.field

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field}

    def definition(self, model: Any, quote: Callable[[str], str]) -> str:
        field = model._meta.get_field(self.field)
        target = field.remote_field.model._meta
        own = f"{quote(model._meta.get_field('user').column)}, {quote(field.column)}"
        other = f"{quote(target.get_field('user').column)}, {quote(target.pk.column)}"
        return f"FOREIGN KEY ({own}) REFERENCES {quote(target.db_table)} ({other}) DEFERRABLE INITIALLY DEFERRED"
