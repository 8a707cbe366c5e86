"""System checks that keep every way into an owned table behind its manager."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import models

from .managers import OwnedManager
from .models import OwnedModel


@register(Tags.models)
def check_owned_models(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The checks tasks.E001 to tasks.E003, over all models: a relation may come from any app."""
    found: list[CheckMessage] = []
    for model in apps.get_models(include_auto_created=True):
        found.extend(relations_to_owned(model))
        if issubclass(model, OwnedModel):
            found.extend(reverse_names(model))
            found.extend(foreign_managers(model))
    return found


def relations_to_owned(model: type[models.Model]) -> Iterator[CheckMessage]:
    for field in [*model._meta.local_fields, *model._meta.local_many_to_many, *model._meta.private_fields]:
        target = field.related_model
        if isinstance(target, type) and issubclass(target, OwnedModel):
            yield Error(
                f"{field} points at {target._meta.label}, whose rows belong to one user each: "
                "a join through it would show other users' rows.",
                hint="Keep the id in a plain field and look the row up with objects.for_user().",
                obj=field,
                id="tasks.E001",
            )


def reverse_names(model: type[models.Model]) -> Iterator[CheckMessage]:
    for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
        if field.remote_field is not None and not str(field.remote_field.related_name or "").endswith("+"):
            yield Error(
                f"{field} gives {field.related_model} a way back into {model._meta.label}, past its owner.",
                hint='Set related_name="+".',
                obj=field,
                id="tasks.E002",
            )


def foreign_managers(model: type[models.Model]) -> Iterator[CheckMessage]:
    for manager in [*model._meta.managers, model._base_manager]:
        if not isinstance(manager, OwnedManager):
            yield Error(
                f"{model._meta.label}.{manager.name} is not an OwnedManager: it would show every user's rows.",
                hint="Use OwnedManager, and base_manager_name = 'objects' in the model's Meta.",
                obj=model,
                id="tasks.E003",
            )
