"""Compiled writes: they keep to the bound user, and return fields of the rows that they changed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from tasks.models import Task
from tasks.tests.two_users import TwoUsers, make_two_users, titles
from todo_site.ownership.managers import UserIdRequired

pytestmark = pytest.mark.django_db

users = pytest.fixture(make_two_users)


def run(write: Any, **values: Any) -> list[Any]:
    bound = write.bind(**values)
    return list(bound.rows(bound.send()))


def new_task(title: str = "New", **values: Any) -> dict[str, Any]:
    now = timezone.now()
    task = {"id": uuid.uuid4(), "title": title, "description": "é", "status": "completed"}
    return {**task, "created_at": now, "updated_at": now, **values}


def test_inserts_for_the_bound_user_whoever_is_named(users: TwoUsers) -> None:
    theirs = titles(users.theirs)
    write = users.mine.insert_query("id", "title", unless=users.mine.filter(title="nothing"))
    values = new_task()
    assert run(write, user=users.bob.id, **values) == [(values["id"], "New")]
    task = users.mine.get(title="New")
    stored = {name: getattr(task, name) for name in values}
    assert stored == values
    assert task.user_id == users.alice.id
    assert titles(users.theirs) == theirs


def test_inserts_nothing_unless_it_is_new(users: TwoUsers) -> None:
    mine, theirs = list(users.mine.values()), list(users.theirs.values())
    taken = users.mine.insert_query("id", unless=users.mine.filter(title="nothing"))
    assert run(taken, **new_task(id=users.their_task.pk)) == []
    assert run(taken, **new_task(id=users.my_task.pk)) == []
    assert run(users.mine.insert_query("id", unless=users.mine.filter(title="A1")), **new_task()) == []
    assert (list(users.mine.values()), list(users.theirs.values())) == (mine, theirs)


def test_looks_for_nothing_of_somebody_else_before_it_inserts(users: TwoUsers) -> None:
    for unless in (users.theirs, Task.objects.all()):
        with pytest.raises(UserIdRequired):
            users.mine.insert_query("id", unless=unless)
    with pytest.raises(UserIdRequired):
        Task.objects.all().insert_query("id", unless=users.mine)


def test_updates_and_returns_rows_of_the_bound_user(users: TwoUsers) -> None:
    theirs = list(users.theirs.values())
    write = users.mine.filter(title__in=["A1", "B1"]).order_by("-title").update_query("title", "status", title="C")
    assert run(write) == [("C", "pending")]
    assert sorted(titles(users.mine)) == ["A2", "C"]
    assert run(users.mine.none().update_query("title", title="D")) == []
    assert list(users.theirs.values()) == theirs


def test_deletes_and_returns_rows_of_the_bound_user(users: TwoUsers) -> None:
    theirs = list(users.theirs.values())
    assert sorted(run(users.mine.order_by("title").delete_query("title"))) == [("A1",), ("A2",)]
    assert not users.mine.exists()
    assert list(users.theirs.values()) == theirs


def test_compiles_no_write_without_a_user() -> None:
    with pytest.raises(UserIdRequired):
        Task.objects.all().update_query("title", title="C")
    with pytest.raises(UserIdRequired):
        Task.objects.all().delete_query("title")
