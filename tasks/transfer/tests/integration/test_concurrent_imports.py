"""Imports at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from tasks.models import Task
from tasks.transfer.tests.uploads import confirm, preview
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_imports_once_when_the_button_is_pressed_four_times_at_once(sign_in: Callable[[User], Client]) -> None:
    alice = make_user()
    page = preview(sign_in(alice), "a.txt", "\n".join(f"Task {n}" for n in range(50)))
    browsers = [sign_in(alice) for _ in range(4)]

    def press(browser: Client) -> str:
        try:
            return confirm(browser, page)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert all("Imported 50 tasks." in answer for answer in pool.map(press, browsers))
    assert Task.objects.for_user(alice.id).count() == 50
    assert JournalEntry.objects.for_user(alice.id).count() == 50
