"""The page after signing in: never one of another site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_account
from todo_site.better_auth.tests.sign_in_forms import EMAIL, PASSWORD, sign_in, sign_up

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account(EMAIL, PASSWORD, "Alice")


EVIL = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "https:evil",
    "http:///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "\x01//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "tasks/new/",
    "",
]


@pytest.mark.parametrize("target", EVIL)
def test_never_leads_to_another_site(client: Client, alice: User, target: str) -> None:
    assert sign_in(client, next=target).headers["Location"] == "/"
    for path in ("/sign-in/", "/sign-up/"):
        response = client.get(path, {"next": target})
        assert (response.status_code, response.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("target", ["/tasks/new/", "/?status=completed&q=a%20b#main"])
def test_leads_on_within_the_site(client: Client, alice: User, target: str) -> None:
    assert f'name="next" value="{target.replace("&", "&amp;")}"' in client.get("/sign-in/", {"next": target}).text
    assert sign_in(client, next=target).headers["Location"] == target
    assert sign_up(Client(), next=target, email="new@example.org").headers["Location"] == target
    for path in ("/sign-in/", "/sign-up/"):
        response = client.get(path, {"next": target})
        assert (response.status_code, response.headers["Location"]) == (303, target)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/?q=日本", "/?q=%E6%97%A5%E6%9C%AC"),
        ("/a\r\nSet-Cookie: a=b", "/"),
        ("/a\0b", "/"),
        ("/\x7f", "/"),
        ("/\u2028", "/"),
    ],
)
def test_leads_on_by_a_header_of_printable_ascii(client: Client, alice: User, target: str, location: str) -> None:
    response = sign_in(client, next=target)
    assert (response.status_code, response.headers["Location"]) == (303, location)
