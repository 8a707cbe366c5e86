"""Signing up with embedded accounts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.tests.factories import make_account
from todo_site.better_auth.tests.sign_in_forms import EMAIL, ID, PASSWORD, sign_in, sign_up

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account(EMAIL, PASSWORD, "Alice")


def error_at(response: Response, field: str) -> str:
    """What the page says at a field, which is marked as wrong and refers to these words."""
    given = re.search(rf'<input[^>]* id="id_{field}"[^>]*>', response.text)
    words = re.search(rf'id="id_{field}_error">(.*?)</ul>', response.text, re.DOTALL)
    assert given
    assert words, response.text
    assert 'aria-invalid="true"' in given[0]
    assert re.search(rf'aria-describedby="[^"]*\bid_{field}_error\b', given[0])
    return re.sub("<[^>]+>", "", words[1]).strip()


def test_makes_the_rows_that_the_server_makes(client: Client) -> None:
    earliest = timezone.now()
    response = sign_up(client, email=" Alice@Example.ORG ", name="<b>Alice</b>")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    user, account, session = User.objects.get(), Account.objects.get(), Session.objects.get()
    assert [ID.fullmatch(row.pk) and len(row.pk) for row in (user, account, session)] == [32, 32, 32]
    assert ID.fullmatch(session.token)
    moments = [user.created_at, user.updated_at, account.created_at, account.updated_at, session.created_at]
    assert all(earliest <= moment <= timezone.now() for moment in [*moments, session.updated_at])
    assert (user.name, user.email, user.email_verified, user.image) == ("<b>Alice</b>", EMAIL, False, None)
    assert (account.account_id, account.user_id, account.provider_id) == (user.id, user.id, "credential")
    assert (account.access_token, account.refresh_token, account.id_token, account.scope) == (None,) * 4
    assert (account.access_token_expires_at, account.refresh_token_expires_at) == (None, None)
    assert (session.user_id, session.ip_address, session.user_agent) == (user.id, "127.0.0.1", "Lynx")
    assert session.expires_at == session.created_at + timedelta(days=7)
    assert client.get("/").status_code == 200


@pytest.mark.real_hashes
def test_hashes_the_password_as_the_server_does(client: Client) -> None:
    password = "\ufb01ne ＰＡＳＳ wörd"
    sign_up(client, password=password)
    stored = Account.objects.get().password or ""
    salt, _, key = stored.partition(":")
    assert len(stored) == 161
    assert re.fullmatch("[0-9a-f]{32}", salt)
    normal = unicodedata.normalize("NFKC", password)
    assert normal != password
    by_hand = hashlib.scrypt(normal.encode(), salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=2**26)
    assert key == by_hand.hex()
    assert sign_in(Client(), password=normal).status_code == 303


@pytest.mark.parametrize("password", ["a" * 8, "a" * 128, "🔑" * 4, "🔑" * 64, " " * 8])
def test_takes_passwords_of_8_to_128_utf_16_units(client: Client, password: str) -> None:
    assert sign_up(client, password=password).status_code == 303
    assert sign_in(Client(), password=password).status_code == 303


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "required"),
        ("a" * 7, "at least 8"),
        ("🔑🔑🔑a", "at least 8"),
        ("a" * 129, "at most 128"),
        ("🔑" * 64 + "a", "at most 128"),
        ("a" * 8 + "\0", "Null"),
    ],
)
def test_refuses_other_passwords(client: Client, password: str, words: str) -> None:
    response = sign_up(client, password=password)
    assert response.status_code == 422
    assert words in error_at(response, "password")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "alice",
        "a@localhost",
        "@example.org",
        "a@",
        "a@example..org",
        "a b@example.org",
        "jörg@example.org",
        "a@exämple.org",
        "\u212aate@example.org",
        "kate@tas\u212a.org",
        "a\0@example.org",
        "a@example.org\r\nBcc: b@example.org",
        f"a@{'a' * 60}.{'a' * 60}.{'a' * 60}.{'a' * 60}.example.org",
    ],
)
def test_refuses_what_is_no_email_address(client: Client, email: str) -> None:
    response = sign_up(client, email=email)
    assert response.status_code == 422
    assert error_at(response, "email")
    assert not User.objects.exists()
    assert sign_in(client, email=email).status_code == 422


@pytest.mark.parametrize("name", ["A", "a" * 100, "🔑" * 100, "Zoë O’Brien <zoe>"])
def test_takes_names_of_up_to_100_characters(client: Client, name: str) -> None:
    assert sign_up(client, name=name).status_code == 303
    assert User.objects.get().name == name


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "a\0b"])
def test_refuses_other_names(client: Client, name: str) -> None:
    response = sign_up(client, name=name)
    assert response.status_code == 422
    assert error_at(response, "name")
    assert not User.objects.exists()


@pytest.mark.parametrize("email", [EMAIL, "ALICE@example.org", f" {EMAIL}"])
def test_says_at_the_field_that_an_account_exists(client: Client, alice: User, email: str) -> None:
    response = sign_up(client, email=email, password="another password")
    assert response.status_code == 422
    assert "An account with this e-mail address already exists" in error_at(response, "email")
    assert (User.objects.count(), Account.objects.count(), Session.objects.count()) == (1, 1, 0)
    assert sign_in(Client(), password="another password").status_code == 422


def test_ignores_what_nobody_may_choose(client: Client) -> None:
    sign_up(client, id="x", email_verified="true", emailVerified="true", is_staff="true", created_at="2000-01-01")
    user = User.objects.get()
    assert (ID.fullmatch(user.id) is not None, user.email_verified, user.is_staff) == (True, False, False)
    assert user.created_at > timezone.now() - timedelta(minutes=5)
