from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.backends.utils import truncate_name
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

from .constraints import OwnedReference, OwnerKey, OwnershipConstraint

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
