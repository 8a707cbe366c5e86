from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.fields import random_token
from todo_site.better_auth.models import Session, User
from todo_site.better_auth.tests.factories import make_session

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

PAGE, REVOKE = "/settings/sessions/", "/settings/sessions/revoke/"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def this_one(alice: User) -> Session:
    """The session of Alice's browser."""
    return make_session(user=alice, user_agent=LINUX, ip_address="198.51.100.7")


def browser_with(session: Session, *, enforce_csrf_checks: bool = False) -> Client:
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.cookies["better-auth.session_token"] = signed_cookies.sign(session.token)
    return client


@pytest.fixture
def browser(this_one: Session) -> Client:
    """Alice's browser, whose session is ``this_one``."""
    return browser_with(this_one)


def is_signed_in(session: Session) -> bool:
    response = browser_with(session).get("/")
    assert response.status_code == 200 or response.headers["Location"] == "/sign-in/?next=/"
    return response.status_code == 200


def items(response: Response) -> list[str]:
    """The listed sessions, each as its piece of the page."""
    assert response.status_code == 200
    return re.findall("<li>.*?</li>", response.text, re.DOTALL)


def words(item: str) -> list[str]:
    return [line.strip() for line in re.sub("<[^>]+>", "\n", item).splitlines() if line.strip()]


def sessions_of(user: User) -> set[str]:
    return set(Session.objects.filter(user=user).values_list("pk", flat=True))


# The list


def test_lists_ones_own_live_sessions_only(browser: Client, alice: User, bob: User) -> None:
    now = timezone.now()
    make_session(user=alice, ip_address="192.0.2.10")
    make_session(user=alice, ip_address="192.0.2.11", expires_at=now - timedelta(seconds=1))
    theirs = make_session(user=bob, ip_address="192.0.2.12")
    page = browser.get(PAGE)
    assert len(items(page)) == 2
    assert "198.51.100.7" in page.text
    assert "192.0.2.10" in page.text
    assert not [trace for trace in ("192.0.2.11", "192.0.2.12", theirs.pk) if trace in page.text]


def test_names_browser_system_address_and_times(browser: Client, alice: User, this_one: Session) -> None:
    noon = timezone.now().replace(year=2026, month=1, day=2, hour=12, minute=0)
    make_session(user=alice, user_agent=IPHONE, created_at=noon, updated_at=noon + timedelta(days=3))
    first, second = items(browser.get(PAGE))
    assert words(first)[:2] == ["Firefox on Linux", "This session"]
    assert "198.51.100.7" in words(first)
    assert words(second)[0] == "Safari on iPhone"
    assert "Jan. 2, 2026, noon UTC" in words(second)
    assert "Jan. 5, 2026, noon UTC" in words(second)
    assert "Mozilla" not in first + second


def test_shows_the_last_seen_first(browser: Client, alice: User, this_one: Session) -> None:
    now = timezone.now()
    for days in (3, 1, 2):
        make_session(user=alice, ip_address=f"192.0.2.{days}", updated_at=now - timedelta(days=days))
    addresses = [re.findall(r"192\.0\.2\.\d", item) for item in items(browser.get(PAGE))]
    assert addresses == [[], ["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"]]


def test_marks_this_one_and_offers_to_end_the_others(browser: Client, alice: User, this_one: Session) -> None:
    others = [make_session(user=alice, user_agent=LINUX) for _ in range(2)]
    marked = [item for item in items(browser.get(PAGE)) if "This session" in item]
    assert len(marked) == 1
    assert "<button" not in marked[0]
    buttons = re.findall(r'<button name="session" value="(\w+(?:-\w+)*)"', browser.get(PAGE).text)
    assert sorted(buttons) == sorted(other.pk for other in others)


def test_offers_to_end_all_others_when_there_are_others(browser: Client, alice: User) -> None:
    button = 'name="session" value="others"'
    assert button not in browser.get(PAGE).text
    make_session(user=alice)
    assert button in browser.get(PAGE).text


@pytest.mark.parametrize("nothing", [None, ""])
def test_lists_a_session_without_browser_and_address(browser: Client, alice: User, nothing: str | None) -> None:
    make_session(user=alice, user_agent=nothing, ip_address=nothing)
    listed = [words(item) for item in items(browser.get(PAGE)) if "This session" not in item]
    assert [item[0] for item in listed] == ["Unknown browser"]
    assert "IP address" not in listed[0]


def test_shows_no_markup_of_a_browser_and_no_token(browser: Client, alice: User, this_one: Session) -> None:
    evil = "<script>alert(1)</script>"
    other = make_session(user=alice, user_agent=evil, ip_address=evil)
    page = browser.get(PAGE).text
    assert "<script>alert" not in page
    assert not [secret for secret in (other.token, this_one.token) if secret in page]


def test_asks_the_same_number_of_queries_however_many_there_are(browser: Client, alice: User) -> None:
    counts = []
    browser.get(PAGE)  # looks up how its pages are to look
    for more in (1, 20):
        for _ in range(more):
            make_session(user=alice)
        with CaptureQueriesContext(connection) as queries:
            browser.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Ending sessions


def test_ends_one(browser: Client, alice: User, this_one: Session) -> None:
    lost, kept = make_session(user=alice), make_session(user=alice)
    assert is_signed_in(lost)
    response = browser.post(REVOKE, {"session": lost.pk})
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    assert not is_signed_in(lost)
    assert sessions_of(alice) == {this_one.pk, kept.pk}
    page = browser.get(PAGE)
    assert "1 session ended." in page.text
    assert len(items(page)) == 2


def test_ends_all_others(browser: Client, alice: User, bob: User, this_one: Session) -> None:
    others = [make_session(user=alice) for _ in range(3)]
    theirs = make_session(user=bob)
    browser.post(REVOKE, {"session": "others"})
    assert [is_signed_in(session) for session in (this_one, theirs, *others)] == [True, True, False, False, False]
    assert "3 sessions ended." in browser.get(PAGE).text


def test_ends_this_one_too_when_asked_to(browser: Client, alice: User, this_one: Session) -> None:
    other = make_session(user=alice)
    browser.post(REVOKE, {"session": this_one.pk})
    assert browser.get(PAGE).headers["Location"] == f"/sign-in/?next={PAGE}"
    assert is_signed_in(other)


NOT_ONES_OWN: dict[str, Callable[[Session], str]] = {
    "somebody else's session": lambda theirs: theirs.pk,
    "somebody else's token": lambda theirs: theirs.token,
    "somebody else": lambda theirs: theirs.user_id,
    "a uuid": lambda theirs: "00000000-0000-4000-8000-000000000000",
    "nothing": lambda theirs: "",
    "a NUL": lambda theirs: "\0",
    "an id and a NUL": lambda theirs: f"{theirs.pk}\0",
    "5,000 characters": lambda theirs: "x" * 5000,
    "a LIKE pattern": lambda theirs: "%",
    "a quote": lambda theirs: "' OR ''='",
    "a list": lambda theirs: f"{theirs.pk},{theirs.pk}",
    "emoji": lambda theirs: "🔑",
}


@pytest.mark.parametrize("wanted_of", NOT_ONES_OWN.values(), ids=NOT_ONES_OWN)
def test_ends_nothing_and_answers_as_for_an_unknown_id(
    browser: Client, alice: User, bob: User, wanted_of: Callable[[Session], str]
) -> None:
    make_session(user=alice)
    theirs = make_session(user=bob)
    browser.get(PAGE)  # looks up how its pages are to look
    before = Session.objects.count()

    def answer(wanted: str) -> tuple[int, dict[str, str], bytes, dict[str, str], str]:
        response = browser.post(REVOKE, {"session": wanted})
        own = {"X-Request-ID", "Server-Timing"}  # of each request
        headers = {name: value for name, value in response.items() if name not in own}
        set_cookies = {name: cookie.value for name, cookie in response.cookies.items() if name != "messages"}
        message = re.findall(r'class="message"[^>]*>\s*<p>([^<]*)', browser.get(PAGE).text)
        return response.status_code, headers, response.content, set_cookies, "".join(message)

    assert answer(wanted_of(theirs)) == answer(random_token())
    assert answer(wanted_of(theirs))[4] == "0 sessions ended."
    assert Session.objects.count() == before
    assert is_signed_in(theirs)


def test_ends_nothing_without_saying_which(browser: Client, alice: User) -> None:
    make_session(user=alice)
    assert browser.post(REVOKE).status_code == 303
    assert len(sessions_of(alice)) == 2


@pytest.mark.parametrize("wanted", ["others", "id"])
def test_ends_nothing_without_a_csrf_token(alice: User, this_one: Session, wanted: str) -> None:
    other = make_session(user=alice)
    strict = browser_with(this_one, enforce_csrf_checks=True)
    assert strict.post(REVOKE, {"session": other.pk if wanted == "id" else wanted}).status_code == 403
    assert sessions_of(alice) == {this_one.pk, other.pk}


def test_ends_nothing_for_somebody_unknown(client: Client, this_one: Session) -> None:
    for wanted in ("others", this_one.pk):
        assert client.post(REVOKE, {"session": wanted}).status_code == 302
    assert client.get(PAGE).headers["Location"] == f"/sign-in/?next={PAGE}"
    assert is_signed_in(this_one)


@pytest.mark.parametrize(("method", "path"), [("get", REVOKE), ("head", REVOKE), ("delete", REVOKE), ("post", PAGE)])
def test_knows_no_other_methods(browser: Client, alice: User, method: str, path: str) -> None:
    make_session(user=alice)
    assert getattr(browser, method)(path, {"session": "others"}).status_code == 405
    assert len(sessions_of(alice)) == 2
