from __future__ import annotations

from typing import Any

import factory

from tasks.models import Task


class TaskFactory(factory.django.DjangoModelFactory[Task]):
    """Makes tasks through the owned manager: ``TaskFactory(user_id=alice.id)``."""

    class Meta:
        model = Task

    title = factory.Sequence(lambda n: f"Task {n}")

    @classmethod
    def _create(cls, model_class: type[Task], *args: Any, **kwargs: Any) -> Task:
        return model_class.objects.for_user(kwargs.pop("user_id")).create(**kwargs)


def make_task(user_id: str, **fields: Any) -> Task:
    task: Task = TaskFactory.create(user_id=user_id, **fields)
    return task
