from __future__ import annotations

import zlib
from typing import Any

import factory

from tasks.models import Task
from tasks.transfer.models import PendingImport
from todo_site.ownership.tests.factories import OwnedFactory


class TaskFactory(OwnedFactory[Task]):
    class Meta:
        model = Task

    title = factory.Sequence(lambda n: f"Task {n}")


class PendingImportFactory(OwnedFactory[PendingImport]):
    class Meta:
        model = PendingImport

    name = "list.txt"
    packed = zlib.compress(b"Buy milk\n")


def make_task(user_id: str, **fields: Any) -> Task:
    task: Task = TaskFactory.create(user_id=user_id, **fields)
    return task
