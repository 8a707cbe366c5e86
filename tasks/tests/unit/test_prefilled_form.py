"""A form for a new task that a URL fills in."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_fills_the_form_in_and_creates_nothing(alice: User, alices: Client) -> None:
    address = "/tasks/new/?title=Read+%22this%22&description=a+text&description=https%3A//example.org/%3Fa%26b"
    page = alices.get(address).text
    assert 'value="Read &#34;this&#34;"' in page
    assert "a text\nhttps://example.org/?a&amp;b</textarea>" in page
    assert not Task.objects.for_user(alice.id).exists()


def test_cuts_nothing_and_refuses_it_with_words(alices: Client) -> None:
    title = "x" * 300
    assert f'value="{title}"' in alices.get("/tasks/new/", {"title": title}).text
    answer = alices.post("/tasks/new/", {"title": title})
    assert answer.status_code == 422
    assert title in answer.text


def test_comes_back_to_what_was_shared_after_signing_in(client: Client) -> None:
    assert client.get("/tasks/new/?title=Milk").headers["Location"] == "/sign-in/?next=/tasks/new/%3Ftitle%3DMilk"
