"""Writes at the same moment."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tasks.models import Task
from tasks.tests.helpers import here, journal
from todo_site.better_auth.tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_numbers_entries_without_a_gap_when_many_write_at_once() -> None:
    alice = make_user()
    task_id = uuid.uuid4()

    def send(n: int) -> None:
        tasks = Task.objects.for_user(alice.id)
        try:
            tasks.add(Task(user_id=alice.id, id=task_id, title="Once"), here())
            tasks.add(Task(user_id=alice.id, title=f"Task {n}"), here())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(20)))
    assert [entry.number for entry in journal(alice)] == list(range(1, 22))
    assert Task.objects.for_user(alice.id).filter(title="Once").count() == 1
