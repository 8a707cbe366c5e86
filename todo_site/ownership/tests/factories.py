"""Rows of owned models, made through their factories: each app's ``tests/factories.py`` has one for each model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import factory
from django.apps import apps
from django.db import models

from todo_site.ownership.models import OwnedBase


class OwnedFactory[M: models.Model](factory.django.DjangoModelFactory[M]):
    """Make rows through the owned manager: ``TaskFactory(user_id=alice.id)``."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> M:
        row: M = model_class.objects.for_user(kwargs.pop("user_id")).create(**kwargs)
        return row


def find_factory(model: type[OwnedBase]) -> Any:
    """Return the factory of a model. Raise LookupError where its app has none."""
    app = apps.get_app_config(model._meta.app_label)
    module = import_module(f"{app.name}.tests.factories")
    for candidate in vars(module).values():
        if isinstance(candidate, type) and issubclass(candidate, factory.Factory):
            options: Any = vars(candidate)["_meta"]
            if options.model is model:
                return candidate
    raise LookupError(f"{module.__name__} has no factory of {model._meta.label}: add one, so that tests cover it.")


def make_row(model: type[OwnedBase], user_id: str, **values: Any) -> Any:
    return find_factory(model)(user_id=user_id, **values)
