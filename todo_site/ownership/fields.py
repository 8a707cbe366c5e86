from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.backends.utils import truncate_name
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

MAX_NAME_LENGTH = 63  # of a constraint in PostgreSQL


class AutoTimestampField(models.DateTimeField[Any, Any]):
    """A DateTimeField with auto_now or auto_now_add whose inserted rows may bring their own time."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        given = getattr(model_instance, self.attname)
        return given if add and isinstance(given, datetime) else super().pre_save(model_instance, add)


class OwnedForeignKeyDescriptor(ForwardManyToOneDescriptor[Any]):
    """Load the related row through its owner, who is that of the row that refers to it."""

    def get_queryset(self, *, instance: Any) -> Any:
        rows: Any = super().get_queryset(instance=instance)
        return rows.for_user(instance.owner)


class OwnedForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key to another row of the same owner: (user_id, list_id) -> list (user_id, id).

    It adds OwnedReference to its own model and OwnerKey to the target: the database refuses somebody else's row.
    """

    forward_related_accessor_class = OwnedForeignKeyDescriptor

    def __init__(self, to: Any, **kwargs: Any) -> None:
        # The composite key does what a single one would. DO_NOTHING: the database refuses when the transaction ends.
        fixed = {"on_delete": models.DO_NOTHING, "db_constraint": False, "related_name": "+"}
        super().__init__(to, **{**kwargs, **fixed})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("on_delete", "db_constraint", "related_name"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs

    def validate(self, value: Any, model_instance: Any) -> None:
        """Check as a plain field does. ForeignKey would look the row up without an owner; the database knows it."""
        models.Field.validate(self, value, model_instance)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, private_only, **kwargs)
        if is_real(cls):
            add_constraint(cls, OwnedReference(field=name, name=f"{cls._meta.db_table}_{name}_owned"))

    def contribute_to_related_class(self, cls: Any, related: Any) -> None:
        super().contribute_to_related_class(cls, related)
        if is_real(self.model) and is_real(cls):
            add_constraint(cls, OwnerKey(name=f"{cls._meta.db_table}_owner_key"))


def is_real(model: Any) -> bool:
    """Return whether this is a model of an app. Models of the migration state have their constraints already."""
    return not model._meta.abstract and model.__module__ != "__fake__"


def add_constraint(model: Any, constraint: OwnershipConstraint) -> None:
    options = model._meta
    constraint.name = truncate_name(constraint.name, MAX_NAME_LENGTH)
    if all(constraint.name != other.name for other in options.constraints):
        # A new list: the old one may belong to an abstract parent. ModelState.from_model() reads original_attrs alone.
        options.constraints = options.original_attrs["constraints"] = [*options.constraints, constraint]


# Both constraints are part of Meta.constraints and so of Django's migration state: the autodetector emits them, and
# SQLite's table remakes keep them.


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
