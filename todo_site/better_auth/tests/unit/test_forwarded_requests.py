"""What the Better Auth server is told, and its connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import urllib3
from django.test import Client
from pytest_django import Settings

from todo_site.better_auth import client as auth_client
from todo_site.better_auth.tests.stub_server import (
    DONT_REMEMBER,
    EMAIL,
    ENTER,
    FAULTS,
    FORM,
    GOOD,
    LINES,
    NEW_PASSWORD,
    PASSWORD,
    PASSWORDS,
    SESSION,
    Stub,
    answer,
    slow,
)

if TYPE_CHECKING:
    pass

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def test_says_on_whose_behalf_it_asks_and_nothing_else(client: Client, stub: Stub, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    raw_session = "OIwq.9IutsG7Y%2BsmZ%2Fxjk%3D"
    sent = {
        "cookie": f"csrftoken=x; {SESSION}={raw_session}; better-authx.a=1; messages=m;__Secure-{SESSION}=s%2B ; "
        f"sessionid=y; {DONT_REMEMBER}=true.a%3D; {SESSION}=second; xbetter-auth.b=2",
        "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0",
        "referer": "http://testserver/sign-in/?next=/secret/",
        "origin": "http://testserver",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
        "sec-fetch-user": "?1",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "a b",
        "x-real-ip": "203.0.113.9",
        "forwarded": "for=203.0.113.9",
        "authorization": "Basic eDp5",
        "accept-language": "tlh",
        "accept-encoding": "br",
    }
    assert client.post("/sign-in/", {**FORM, "remember_me": "on"}, headers=sent).status_code == 303
    (seen,) = stub.seen
    assert seen.path == "/api/auth/sign-in/email"
    assert seen.body == {"email": EMAIL, "password": PASSWORD, "rememberMe": True}
    told = {name.lower(): value for name, value in seen.headers.items()}
    assert len(told) == len(seen.headers.items())
    assert told.pop("content-length") == str(len(json.dumps(seen.body)))
    assert told == {
        "host": stub.url.removeprefix("http://"),
        "origin": stub.url,
        "x-forwarded-for": "127.0.0.1",
        "user-agent": sent["user-agent"],
        "cookie": f"{SESSION}={raw_session}; __Secure-{SESSION}=s%2B; {DONT_REMEMBER}=true.a%3D; {SESSION}=second",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
    }


def test_tells_the_server_what_was_typed(alices: Client, stub: Stub) -> None:
    alices.post("/sign-up/", {**FORM, "name": "Zoë 🔑", "role": "admin", "remember_me": "on"})
    alices.post("/sign-in/", {**FORM, "email": " ALICE@Example.org "})
    alices.post("/settings/password/", PASSWORDS)
    alices.post("/settings/", {"name": "Lady Alice", "email": "x@example.org"})
    alices.post("/sign-out/")
    assert [(seen.path.removeprefix("/api/auth"), seen.body) for seen in stub.seen] == [
        ("/sign-up/email", {"email": EMAIL, "password": PASSWORD, "name": "Zoë 🔑"}),
        ("/sign-in/email", {"email": EMAIL, "password": PASSWORD, "rememberMe": False}),
        (
            "/change-password",
            {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD, "revokeOtherSessions": True},
        ),
        ("/update-user", {"name": "Lady Alice"}),
        ("/sign-out", {}),
    ]
    assert all(SESSION in seen.headers["Cookie"] for seen in stub.seen)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "socket", "told"),
    [
        (0, None, "198.51.100.7", ["198.51.100.7"]),
        (0, "203.0.113.9", "198.51.100.7", ["198.51.100.7"]),
        (0, "203.0.113.9, 203.0.113.10", "2001:db8::1", ["2001:db8::1"]),
        (1, "198.51.100.7", "127.0.0.1", ["198.51.100.7"]),
        (1, "203.0.113.9, 198.51.100.7", "127.0.0.1", ["198.51.100.7"]),
        (1, "203.0.113.9, rubbish", "127.0.0.1", None),
        (0, "203.0.113.9", "", None),
    ],
)
def test_names_one_address(
    client: Client,
    stub: Stub,
    settings: Settings,
    *,
    proxies: int,
    forwarded: str | None,
    socket: str,
    told: list[str] | None,
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    client.post("/sign-in/", FORM, headers=headers, REMOTE_ADDR=socket)
    assert stub.seen[0].headers.get_all("X-Forwarded-For") == told


def test_sends_no_cookie_where_the_browser_sent_none_of_the_servers(client: Client, stub: Stub) -> None:
    client.post("/sign-in/", FORM, headers={"cookie": "csrftoken=x; messages=y"})
    assert "Cookie" not in stub.seen[0].headers


def test_asks_for_nobody_with_the_cookies_of_somebody_before(stub: Stub) -> None:
    stub.answer = answer(GOOD, f"Set-Cookie: {LINES[0]}", "set-auth-token: T.signed")
    browser = Client()
    for client in (browser, Client(), browser):
        client.post("/sign-in/", FORM)
    assert stub.connections == 1
    assert [seen.headers["Cookie"] for seen in stub.seen] == [None, None, LINES[0].partition(";")[0]]
    assert not [seen for seen in stub.seen if "Authorization" in seen.headers]


@pytest.mark.parametrize("path", [*ENTER, "/settings/password/", "/settings/", "/sign-out/"])
def test_sends_a_form_once_even_when_the_connection_breaks(alices: Client, stub: Stub, path: str) -> None:
    client = alices if path not in ENTER else Client()
    auth_client.get("/ok")
    assert (len(stub.seen), stub.connections) == (1, 1)
    stub.answer, stub.hangs_up = b"", True
    assert client.post(path, {**FORM, **PASSWORDS}).status_code == (303 if path == "/sign-out/" else 503)
    assert (len(stub.seen), stub.connections) == (2, 1)


def test_uses_a_connection_again(client: Client, stub: Stub) -> None:
    for _ in range(3):
        client.post("/sign-in/", FORM)
    assert (len(stub.seen), stub.connections) == (3, 1)


def test_does_not_use_a_connection_again_that_was_idle_for_too_long(
    client: Client, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_client, "MAX_IDLE_SECONDS", 0)
    for _ in range(3):
        assert client.post("/sign-in/", FORM).status_code == 303
    assert (len(stub.seen), stub.connections) == (3, 3)


@pytest.mark.parametrize("name", ["2 MB", "2 MB in chunks", "a body that breaks off", "a broken encoding", "no HTTP"])
def test_recovers_at_once(
    client: Client, stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    FAULTS[name](stub, settings, monkeypatch)
    assert client.post("/sign-in/", FORM).status_code == 503
    stub.answer, stub.hangs_up = answer(GOOD), False
    assert client.post("/sign-in/", FORM).status_code == 303


def test_gives_nobody_an_answer_that_came_too_late_for_somebody_else(
    stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(stub, settings, monkeypatch)
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=alices; Path=/")
    assert Client().post("/sign-in/", FORM).status_code == 503
    stub.may_answer.set()
    auth_client.get_pool().connection_from_url(stub.url).timeout = urllib3.Timeout(8)
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=bobs; Path=/")
    response = Client().post("/sign-in/", FORM)
    assert (response.status_code, response.cookies[SESSION].value) == (303, "bobs")
    assert (len(stub.seen), stub.connections) == (2, 2)
