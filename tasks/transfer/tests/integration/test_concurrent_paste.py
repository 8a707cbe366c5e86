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


def shown(user: User) -> list[tuple[str, str]]:
    """Title and status of the tasks in the order of the list."""
    return list(Task.objects.for_user(user.id).order_by("-created_at", "-id").values_list("title", "status"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_makes_its_tasks_once_when_it_is_sent_four_times_at_once(sign_in: Callable[[User], Client]) -> None:
    alice = make_user()
    form = {"id": str(uuid.uuid4()), "lines": "\n".join(f"Task {n}" for n in range(20))}
    browsers = [sign_in(alice) for _ in range(4)]

    def send(browser: Client) -> int:
        try:
            return browser.post("/tasks/paste/", form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, browsers)) == [303] * 4
    assert len(shown(alice)) == 20
    assert JournalEntry.objects.for_user(alice.id).count() == 20
