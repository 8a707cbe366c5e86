from __future__ import annotations

from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, transaction

from tasks.models import Task
from tasks.task_list.filters import list_queries
from tasks.task_list.pagination import SORTS
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.pipeline import fetch_all_in_pipeline

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept() -> CompiledQuery:
    """The statement of a list's first page, as every request of everybody uses it."""
    return list_queries(DEFAULT_DB_ALIAS, "all", SORTS["newest"], None)[0]


def test_finds_for_each_owner_their_own(alice: User, bob: User, kept: CompiledQuery) -> None:
    tasks = {user.id: make_task(user.id).pk for user in (alice, bob)}
    for owner in (alice.id, bob.id, alice.id):
        (found,) = fetch_all_in_pipeline(kept.bind(owner=owner))
        assert [row[0] for row in found] == [tasks[owner]]


def test_finds_nothing_for_what_can_be_no_id(alice: User, kept: CompiledQuery) -> None:
    make_task(alice.id)
    assert fetch_all_in_pipeline(kept.bind(owner="\0")) == [[]]


def test_cannot_be_sent_for_nobody(alice: User, kept: CompiledQuery) -> None:
    make_task(alice.id)
    with pytest.raises(ProgrammingError), transaction.atomic():
        fetch_all_in_pipeline(kept)
    with pytest.raises(KeyError):
        kept.bind(id="somebody")


def test_lets_no_queryset_run_without_the_owner_whose_place_it_has(alice: User) -> None:
    make_task(alice.id)
    place: Any = Parameter("owner", Task._meta.get_field("user"))
    with pytest.raises(ProgrammingError), transaction.atomic():
        list(Task.objects.for_user(place))
    with pytest.raises(ProgrammingError), transaction.atomic():
        Task.objects.for_user(place).delete()
    assert Task.objects.for_user(alice.id).count() == 1
