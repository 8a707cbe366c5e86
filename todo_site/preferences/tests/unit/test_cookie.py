"""The signed cookie with a copy of the preferences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from todo_site.better_auth.models import User
from todo_site.preferences import cookie
from todo_site.preferences.models import Preferences
from todo_site.preferences.tests.display import CHOICES, COOKIE, DEFAULTS, PAGE, form_of, stored

pytestmark = pytest.mark.django_db


def mirror_of(**fields: Any) -> str:
    cookie.write(response := HttpResponse(), Preferences(**fields))
    return response.cookies[COOKIE].value


def queries(browser: Client, path: str = "/") -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


def test_asks_the_database_once_and_not_on_every_page(alice: User, alices: Client) -> None:
    del alices.cookies[COOKIE]
    assert [queries(alices), queries(alices), queries(alices)] == [4, 3, 3]
    Preferences.objects.for_user(alice.id).upsert(theme="dark")
    del alices.cookies[COOKIE]
    assert [queries(alices), queries(alices)] == [4, 3]
    assert 'data-theme="dark"' in alices.get("/").text


def test_follows_another_browser_within_the_hour(
    alice: User, sign_in: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = sign_in(alice), sign_in(alice)
    one.post(PAGE, CHOICES)
    page = other.get("/")
    assert 'data-theme="device"' in page.text
    assert COOKIE not in page.cookies  # or it would be believed for an hour more with each page
    now = datetime.now(UTC).timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 3601)
    assert 'data-theme="dark"' in other.get("/").text


@pytest.mark.parametrize("path", ["/", "/tasks/new/", PAGE])
def test_takes_no_notice_of_somebody_elses_mirror(alice: User, bob: User, bobs: Client, path: str) -> None:
    bobs.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", language="de", time_zone="Asia/Tokyo")
    response = bobs.get(path, headers={"accept-language": "en"})
    assert 'data-theme="device"' in response.text
    assert 'lang="en"' in response.text
    assert 'data-theme="device"' in bobs.get("/").text
    assert stored(alice) == stored(bob) == {}


@pytest.mark.parametrize(
    "forge",
    [
        lambda alice: "",
        lambda alice: "x",
        lambda alice: "é:ü:ß",
        lambda alice: "a" * 4000,
        lambda alice: mirror_of(user_id=alice.id, theme="dark")[:-1] + "_",
        lambda alice: "e30" + mirror_of(user_id=alice.id, theme="dark"),
        lambda alice: signing.dumps({"user_id": alice.id, "theme": "dark"}, salt="another"),
        lambda alice: signing.dumps({"user_id": alice.id, "theme": "dark"}, salt=cookie.SALT),
        lambda alice: signing.dumps([alice.id], salt=cookie.SALT),
    ],
)
def test_takes_no_notice_of_a_forged_mirror(alice: User, alices: Client, forge: Callable[[User], str]) -> None:
    alices.cookies[COOKIE] = forge(alice)
    response = alices.get("/")
    assert 'data-theme="device"' in response.text
    assert cookie.SALT not in response.text
    assert response.cookies[COOKIE].value


def test_never_says_what_is_stored(alice: User, alices: Client) -> None:
    alices.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark")
    page = alices.get(PAGE)
    assert form_of(page.text)["theme"] == "device"
    assert 'data-theme="device"' in page.text
    alices.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", time_zone="Asia/Tokyo")
    alices.post(PAGE, {**form_of(page.text), "density": "compact"})
    assert stored(alice) == {**DEFAULTS, "density": "compact"}


def test_are_nobodys_on_a_page_for_everybody(alices: Client) -> None:
    alices.post(PAGE, {**CHOICES, "language": "de"})
    assert [alices.get(path).headers["Content-Language"] for path in ("/", "/sign-in/")] == ["de", "en"]


def test_takes_the_mirror_away_at_sign_out(alice: User, alices: Client, client: Client) -> None:
    response = alices.post("/sign-out/")
    assert response.cookies[COOKIE].value == ""
    alices.post("/sign-out/")
    assert 'data-theme="device"' in alices.get("/sign-in/").text
    client.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", language="de")
    assert 'data-theme="device"' in client.get("/sign-in/", headers={"accept-language": "en"}).text


def test_keeps_the_mirror_from_scripts(alices: Client) -> None:
    cookie = alices.post(PAGE, CHOICES).cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_survives_a_language_and_a_zone_that_are_gone(alice: User, alices: Client) -> None:
    Preferences.objects.for_user(alice.id).upsert(language="tlh", time_zone="Mars/Olympus")
    for path in ("/", PAGE):
        del alices.cookies[COOKIE]
        assert alices.get(path).status_code == 200
