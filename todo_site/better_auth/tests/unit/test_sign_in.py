"""Signing in and out with embedded accounts."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.tests.factories import make_account
from todo_site.better_auth.tests.sign_in_forms import EMAIL, PASSWORD, sign_in

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account(EMAIL, PASSWORD, "Alice")


SESSION, DONT_REMEMBER = "better-auth.session_token", "better-auth.dont_remember"


def without_secrets(response: Response) -> tuple[int, dict[str, str], str]:
    headers = {name: value for name, value in response.items() if name != "X-Request-ID"}
    return response.status_code, headers, re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1", response.text)


@pytest.mark.parametrize("secure", [False, True])
def test_remembers_for_a_week(alice: User, secure: bool) -> None:
    response = sign_in(Client(), remember_me="on", secure=secure)
    name = "__Secure-better-auth.session_token" if secure else SESSION
    assert {name for name in response.cookies if "better-auth" in name} == {name}
    session, cookie = Session.objects.get(), response.cookies[name]
    assert cookie.value == signed_cookies.sign(session.token)
    assert (cookie["max-age"], cookie["path"], cookie["domain"]) == (604800, "/", "")
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", secure)
    assert session.expires_at == session.created_at + timedelta(days=7)


@pytest.mark.parametrize("secure", [False, True])
def test_forgets_with_the_browser_when_told_to(alice: User, secure: bool) -> None:
    response = sign_in(Client(), secure=secure)
    prefix, session = "__Secure-better-auth" if secure else "better-auth", Session.objects.get()
    for name, value in (("session_token", session.token), ("dont_remember", "true")):
        cookie = response.cookies[f"{prefix}.{name}"]
        assert cookie.value == signed_cookies.sign(value)
        assert (cookie["max-age"], cookie["expires"], cookie["path"]) == ("", "", "/")
        assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", secure)
    assert session.expires_at == session.created_at + timedelta(days=1)


def test_clears_an_old_wish_to_be_forgotten(client: Client, alice: User) -> None:
    sign_in(client)
    response = sign_in(client, remember_me="on")
    assert (response.cookies[DONT_REMEMBER].value, response.cookies[DONT_REMEMBER]["max-age"]) == ("", 0)
    assert Session.objects.count() == 2


def test_signs_out_what_it_signed_in(client: Client, alice: User) -> None:
    sign_in(client, email=" ALICE@Example.org")
    assert client.get("/").status_code == 200
    assert client.post("/sign-out/").status_code == 303
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"
    assert not Session.objects.exists()


def test_gives_a_new_csrf_token(client: Client, alice: User) -> None:
    client.get("/sign-in/")
    before = client.cookies["csrftoken"].value
    sign_in(client)
    assert client.cookies["csrftoken"].value != before
    assert sign_in(Client(enforce_csrf_checks=True)).status_code == 403


def test_answers_the_same_for_a_wrong_password_and_an_unknown_email(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[dict[str, Any]] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **options: Any) -> bytes:
        hashed.append({**options, "salt": len(options["salt"])})
        return scrypt(password, **options)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    unknown = without_secrets(sign_in(Client(), password="wrong password"))
    User.objects.create_user(EMAIL, PASSWORD, "Alice")
    wrong = without_secrets(sign_in(Client(), password="wrong password"))
    Account.objects.update(password=None)
    without_password = without_secrets(sign_in(Client()))
    Account.objects.update(provider_id="github", account_id="1")
    elsewhere = without_secrets(sign_in(Client()))
    assert unknown == wrong == without_password == elsewhere
    assert unknown[0] == 422
    assert "Wrong e-mail address or password." in unknown[2]
    assert len(hashed) == 5
    assert all(options == hashed[0] for options in hashed)
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-up/"])
def test_keeps_what_was_typed_but_never_the_password(client: Client, path: str) -> None:
    form = {"name": '"Alice" <b>', "email": "Alice@example.org", "password": "secret7", "next": "/tasks/new/"}
    response = client.post(path, form)
    assert response.status_code == 422
    assert 'value="Alice@example.org"' in response.text
    assert 'name="next" value="/tasks/new/"' in response.text
    assert ("&lt;b&gt;" in response.text) == (path == "/sign-up/")
    assert "secret7" not in response.text
    assert not {name for name in response.cookies if "better-auth" in name}


def test_keeps_the_choice_not_to_be_remembered(client: Client) -> None:
    box = re.compile(r'<input type="checkbox" name="remember_me"[^>]* checked')
    assert box.search(client.get("/sign-in/").text)
    assert box.search(sign_in(client, remember_me="on").text)
    assert not box.search(sign_in(client).text)
