"""Alice with two tasks and Bob with three: whom the attacks on the owned manager steal from, and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User


@dataclass(frozen=True)
class TwoUsers:
    alice: User
    bob: User

    @property
    def mine(self) -> TaskQuerySet:
        """Alice's tasks, A1 and A2. The attacker is always Alice."""
        return Task.objects.for_user(self.alice.id).order_by("title")

    @property
    def theirs(self) -> TaskQuerySet:
        """Bob's tasks: B1, B2 and B3."""
        return Task.objects.for_user(self.bob.id).order_by("title")

    @property
    def my_task(self) -> Task:
        return self.mine.get(title="A1")

    @property
    def their_task(self) -> Task:
        return self.theirs.get(title="B1")

    def rows(self) -> list[list[Any]]:
        """Every column of every row, to compare before and after. By id: titles may become the same."""
        return [list(tasks.order_by("id").values_list()) for tasks in (self.mine, self.theirs)]


def make_two_users(alice: User, bob: User) -> TwoUsers:
    """A fixture for the modules that want it: ``users = pytest.fixture(make_two_users)``."""
    for user, titles, day in ((alice, ["A1", "A2"], "2001-01-01"), (bob, ["B1", "B2", "B3"], "2002-02-02")):
        for title in titles:
            # dates() and created_at need a time that differs between the two.
            make_task(user.id, title=title, created_at=datetime.fromisoformat(f"{day}T00:00:00Z"))
    return TwoUsers(alice, bob)


def titles(tasks: Iterable[Task]) -> list[str]:
    return [task.title for task in tasks]


def hand_made() -> models.QuerySet[Task]:
    """A queryset that knows nothing of owners: nobody may get rows out of it by way of an owned one."""
    return models.QuerySet(Task)


async def collect[T](rows: AsyncIterable[T]) -> list[T]:
    return [row async for row in rows]
