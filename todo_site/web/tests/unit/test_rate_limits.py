from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponseBase
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from tasks.models import Task
from tasks.rate_limits import CREATE, EXPORT, IMPORT, SEARCH
from todo_site.better_auth.models import User
from todo_site.web import rate_limits
from todo_site.web.error_views import rate_limited
from todo_site.web.models import RateLimitCounter
from todo_site.web.rate_limits import RateLimit

HERE = "127.0.0.1"


def new_task(browser: Client, title: str = "Buy milk") -> HttpResponseBase:
    fields = {"id": str(uuid.uuid4()), "title": title, "description": "two\nlitres"}
    return browser.post("/tasks/new/", fields)


def paste(browser: Client) -> HttpResponseBase:
    return browser.post("/tasks/paste/", {"lines": "Buy milk"})


def search(browser: Client) -> HttpResponseBase:
    return browser.get("/?q=milk")


def export_json(browser: Client) -> HttpResponseBase:
    return browser.get("/export/tasks.json")


def export_csv(browser: Client) -> HttpResponseBase:
    return browser.get("/export/tasks.csv")


def import_file(browser: Client) -> HttpResponseBase:
    return browser.post("/import/", {"file": SimpleUploadedFile("tasks.txt", b"Buy milk\n")})


ACTIONS = [
    (CREATE, new_task),
    (CREATE, paste),
    (SEARCH, search),
    (EXPORT, export_json),
    (EXPORT, export_csv),
    (IMPORT, import_file),
]


def use_up(limit: RateLimit, subject: str, times: int = 1) -> None:
    """As if this had been done by other workers."""
    limit.add_to_database(limit.get_key(subject), limit.limit * times, timezone.now())


def ask_until_told(browser: Client, limit: RateLimit, act: Callable[[Client], HttpResponseBase]) -> HttpResponseBase:
    """Ask as often as one worker may before it tells the others."""
    for _try in range(limit.step - 1):
        assert act(browser).status_code < 400
    return act(browser)


@pytest.mark.parametrize(("limit", "act"), ACTIONS)
def test_refuses_a_person_who_asks_too_often_and_nobody_else(
    alices: Client, bobs: Client, alice: User, limit: RateLimit, act: Callable[[Client], HttpResponseBase]
) -> None:
    use_up(limit, alice.id)
    refused = ask_until_told(alices, limit, act)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= limit.seconds
    assert act(alices).status_code == 429  # and now without asking the database
    assert act(bobs).status_code < 400


@pytest.mark.parametrize(("limit", "act"), ACTIONS)
def test_refuses_an_address_that_asks_too_often(
    alices: Client, limit: RateLimit, act: Callable[[Client], HttpResponseBase]
) -> None:
    use_up(limit.by_address, HERE)
    assert ask_until_told(alices, limit, act).status_code == 429


@pytest.mark.parametrize(
    ("seconds", "wait"), [(1, "1 second"), (2, "2 seconds"), (90, "90 seconds"), (91, "2 minutes"), (121, "3 minutes")]
)
def test_gives_a_long_wait_in_minutes(rf: RequestFactory, seconds: int, wait: str) -> None:
    response = rate_limited(rf.get("/export/tasks.json"), seconds)
    assert (response.status_code, response.headers["Retry-After"]) == (429, str(seconds))
    assert f"Try again in {wait}." in response.text


def test_keeps_what_was_typed_and_makes_no_task(alices: Client, alice: User) -> None:
    use_up(CREATE, alice.id)
    refused = ask_until_told(alices, CREATE, new_task)
    assert Task.objects.for_user(alice.id).count() == CREATE.step - 1
    page = refused.content.decode()  # type: ignore[attr-defined]
    assert "Buy milk" in page
    assert "two\nlitres" in page
    assert 'action="/tasks/new/"' in page
    assert "Submit again" in page


def test_shows_the_list_and_the_form_to_somebody_who_is_refused(alices: Client, alice: User) -> None:
    for limit in (CREATE, SEARCH, EXPORT, IMPORT):
        use_up(limit, alice.id)
    for path in ("/", "/?q=", "/tasks/new/", "/tasks/paste/", "/import/"):
        assert all(alices.get(path).status_code == 200 for _try in range(12))


def test_lets_a_person_go_on_in_the_next_window(alices: Client, alice: User) -> None:
    use_up(EXPORT, alice.id)
    assert export_json(alices).status_code == 429
    RateLimitCounter.objects.update(expires_at=timezone.now())
    assert export_json(alices).status_code == 200


def test_lets_everybody_go_on_where_there_are_no_limits(alices: Client, alice: User, settings: Settings) -> None:
    use_up(EXPORT, alice.id)
    settings.RATE_LIMITS = False
    assert export_json(alices).status_code == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_counts_by_what_one_household_has(address: str, network: str) -> None:
    assert rate_limits.network_prefix(address) == network


def test_forgets_its_own_refusals_when_they_end() -> None:
    past = timezone.now()
    rate_limits.local_counter.reject_until("somebody", past)
    assert rate_limits.local_counter.add("somebody", 2, past) == 0
    assert rate_limits.local_counter.add("somebody", 2, past) == 2


def test_remembers_a_limited_number_of_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits.local_counter, "MAX_KEYS", 3)
    now = timezone.now()
    for n in range(10):
        rate_limits.local_counter.add(str(n), 2, now)
        rate_limits.local_counter.reject_until(f"refused {n}", now)
    assert len(rate_limits.local_counter.pending) <= 3
    assert len(rate_limits.local_counter.rejected) <= 3
