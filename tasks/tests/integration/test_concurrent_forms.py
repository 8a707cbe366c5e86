from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


def only_task(user: User) -> Task:
    return Task.objects.for_user(user.id).get()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_makes_one_task_of_a_form_that_is_sent_four_times_at_once(sign_in: Callable[[User], Client]) -> None:
    alice = make_user()
    form = {"id": str(uuid.uuid4()), "title": "Buy milk"}

    def send(browser: Client) -> int:
        try:
            return browser.post("/tasks/new/", form).status_code
        finally:
            connection.close()

    browsers = [sign_in(alice) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, browsers)) == [303] * 4
    assert str(only_task(alice).pk) == form["id"]
    assert JournalEntry.objects.for_user(alice.id).count() == 1
