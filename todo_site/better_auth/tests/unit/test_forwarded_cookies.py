"""Cookies and headers of the Better Auth server on their way to the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from todo_site.better_auth.tests.stub_server import (
    DONT_REMEMBER,
    ENTER,
    FORM,
    GOOD,
    LINES,
    SESSION,
    SESSION_LINE,
    Stub,
    answer,
    raw,
    refusal,
)

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def set_cookie_lines(response: Response) -> list[str]:
    """The cookies as they go to the browser, but for those that Django makes itself."""
    lines = [cookie.OutputString() for cookie in response.cookies.values()]
    return [line for line in lines if not line.startswith(("csrftoken=", "messages="))]


@pytest.mark.parametrize("path", ENTER)
def test_passes_the_servers_cookies_on_byte_for_byte_and_in_order(client: Client, stub: Stub, path: str) -> None:
    stub.answer = answer(GOOD, *[f"Set-Cookie: {line}" for line in LINES])
    response = client.post(path, FORM)
    assert (response.status_code, set_cookie_lines(response)) == (303, LINES)


def test_keeps_a_text_that_waits_for_signing_in(client: Client, stub: Stub) -> None:
    carried = {"to": "/tasks/new/", "typed": '[["title", "Buy milk"]]'}
    stub.answer = refusal(401, "INVALID_EMAIL_OR_PASSWORD")
    refused = client.post("/sign-in/", {**FORM, **carried})
    assert refused.status_code == 422
    assert "Buy milk" in refused.text
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=new; Path=/; Partitioned")
    response = client.post("/sign-in/", {**FORM, **carried})
    assert response.status_code == 200
    assert 'action="/tasks/new/"' in response.text
    assert "Buy milk" in response.text
    assert response.cookies[SESSION].OutputString() == f"{SESSION}=new; Path=/; Partitioned"
    assert not [seen for seen in stub.seen if "milk" in str(seen.body)]


def test_signs_out_with_the_servers_own_cookies_and_adds_what_it_left_out(alices: Client, stub: Stub) -> None:
    line = f"{SESSION}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Partitioned"
    stub.answer = answer({"success": True}, f"Set-Cookie: {line}")
    first, *others = set_cookie_lines(alices.post("/sign-out/"))
    assert first == line
    assert [other.partition("=")[0] for other in others] == [
        "better-auth.session_data",
        DONT_REMEMBER,
        "todo_preferences",
    ]


@pytest.mark.parametrize("line", ["", "=value", "a b=c", "Path=/", "a[b]=c; Path=/", "é=c"])
def test_signs_in_in_spite_of_a_cookie_that_is_none(client: Client, stub: Stub, line: str) -> None:
    stub.answer = answer(GOOD, f"Set-Cookie: {line}", f"Set-Cookie: {LINES[0]}")
    response = client.post("/sign-in/", FORM)
    assert (response.status_code, set_cookie_lines(response)) == (303, [LINES[0]])


@pytest.mark.parametrize("said", [refusal(401, "INVALID_EMAIL_OR_PASSWORD"), raw(b"", "500 Oh")])
def test_passes_no_cookie_of_a_refusal_on(client: Client, stub: Stub, said: bytes) -> None:
    stub.answer = said.replace(b"\r\n\r\n", f"\r\n{SESSION_LINE}\r\n\r\n".encode(), 1)
    response = client.post("/sign-in/", FORM)
    assert response.status_code in {422, 503}
    assert not set_cookie_lines(response)


@pytest.mark.parametrize("path", ENTER)
def test_keeps_the_servers_tokens_from_the_browser(client: Client, stub: Stub, path: str) -> None:
    stub.answer = answer(
        {**GOOD, "token": "secret-token"}, "set-auth-token: secret-token.signed", "set-auth-jwt: eyJ.secret-jwt"
    )
    response = client.post(path, FORM)
    assert response.status_code == 303
    assert not [name for name in response.headers if "auth" in name.lower()]
    given = f"{response.headers} {response.cookies} {response.text}"
    assert not [secret for secret in ("secret-token", "secret-jwt") if secret in given]


def test_passes_no_other_header_on(client: Client, stub: Stub) -> None:
    odd = ["Server: Stub", "X-Powered-By: Express", "Access-Control-Allow-Origin: *", "Content-Language: tlh"]
    stub.answer = answer(GOOD, *odd)
    response = client.post("/sign-in/", FORM)
    assert not set(odd) & {f"{name}: {value}" for name, value in response.headers.items()}
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(response.headers)
