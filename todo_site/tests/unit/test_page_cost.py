"""Function calls and bytes for the task list."""

from __future__ import annotations

import cProfile
import pstats

import pytest
from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User

# Recorded, for a list of fifty tasks. Whoever makes them smaller writes the new figure here.
CALLS, BYTES = 4_790, 5_000


@pytest.fixture
def fifty(alice: User) -> None:
    Task.objects.for_user(alice.id).bulk_create(
        Task(user_id=alice.id, title=f"Task {n}", status="pending") for n in range(50)
    )


@pytest.mark.sqlite
@pytest.mark.usefixtures("fifty")
def test_calls_as_few_functions_for_a_list_as_when_it_was_recorded(alices: Client) -> None:
    alices.get("/")  # what is made once
    with cProfile.Profile() as profile:
        alices.get("/")
    calls = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    assert calls == pytest.approx(CALLS, rel=0.1)


@pytest.mark.sqlite
@pytest.mark.usefixtures("fifty")
def test_sends_a_list_in_few_bytes(alices: Client) -> None:
    page = alices.get("/", headers={"accept-encoding": "gzip, br"})
    assert page.headers["Content-Encoding"] == "br"
    assert len(page.content) < BYTES
