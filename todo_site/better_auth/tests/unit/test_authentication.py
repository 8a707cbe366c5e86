from __future__ import annotations

import base64
import hmac
import random
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tasks.tests.factories import make_task
from todo_site.better_auth import sessions, signed_cookies
from todo_site.better_auth.fields import ALPHABET, random_token
from todo_site.better_auth.middleware import BetterAuthMiddleware
from todo_site.better_auth.models import Session, Staff, User
from todo_site.better_auth.tests.factories import add_column, make_session

NAME = "better-auth.session_token"


def asked(cookie: str) -> HttpRequest:
    """A request that went through the middleware and a view that did not ask who it is from."""
    request = RequestFactory().get("/", headers={"cookie": cookie})
    BetterAuthMiddleware(lambda request: HttpResponse())(request)
    return request


def cookie_of(session: Session) -> str:
    return f"{NAME}={signed_cookies.sign(session.token)}"


@pytest.fixture
def session(alice: User) -> Session:
    return make_session(user=alice, token="OIwqToken00000000000000000000002")


def test_knows_the_user_of_a_live_session(session: Session, alice: User) -> None:
    make_task(user_id=alice.id, title="Water the plants")
    user = asked(cookie_of(session)).user
    assert (user, user.pk, user.session) == (alice, alice.id, session)  # type: ignore[union-attr]
    assert "Water the plants" in Client().get("/", headers={"cookie": cookie_of(session)}).text


def expire(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke(session: Session) -> None:
    Session.objects.filter(pk=session.pk).delete()


def delete_user(session: Session) -> None:
    with connection.cursor() as cursor:  # as the server does
        cursor.execute('DELETE FROM "user" WHERE id = %s', [session.user_id])


@pytest.mark.parametrize("lose", [expire, revoke, delete_user])
def test_knows_nobody_once_the_session_is_lost(session: Session, lose: Callable[[Session], None]) -> None:
    lose(session)
    assert not asked(cookie_of(session)).user.is_authenticated
    response = Client().get("/", headers={"cookie": cookie_of(session)})
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/?next=/")


def ban(user: User, banned: bool | None, lifted_in: timedelta | None) -> None:
    """Add the columns of Better Auth's admin plugin, and write them for one user."""
    moment = "timestamptz" if connection.vendor == "postgresql" else "datetime"
    until = None if lifted_in is None else timezone.now() + lifted_in
    add_column("banned", "boolean")
    add_column("banExpires", moment)
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE "user" SET banned = %s, "banExpires" = %s WHERE id = %s',
            [banned, connection.ops.adapt_datetimefield_value(until), user.id],
        )


BANS = [
    (True, None, False),
    (True, timedelta(minutes=1), False),
    (True, timedelta(minutes=-1), True),
    (False, None, True),
    (False, timedelta(minutes=1), True),
    (None, None, True),
]


@pytest.mark.parametrize(("banned", "lifted_in", "known"), BANS)
def test_knows_nobody_who_is_banned(
    session: Session, bob: User, banned: bool | None, lifted_in: timedelta | None, known: bool
) -> None:
    ban(session.user, banned, lifted_in)
    assert asked(cookie_of(session)).user.is_authenticated is known
    assert asked(cookie_of(make_session(user=bob))).user == bob


@pytest.mark.parametrize(("banned", "lifted_in", "known"), BANS)
def test_lets_nobody_in_who_is_banned(
    client: Client, db: None, banned: bool | None, lifted_in: timedelta | None, known: bool
) -> None:
    ban(User.objects.create_user("carol@example.org", "correct horse", "Carol"), banned, lifted_in)
    response = client.post("/sign-in/", {"email": "carol@example.org", "password": "correct horse"})
    assert response.status_code == (303 if known else 422)
    assert ("This account is blocked" in response.text) is not known
    assert [session.user_agent for session in Session.objects.all()] == [""] * known  # a browser that names none


@pytest.mark.parametrize("forged", ["", "x", f"{'x' * 32}.{'A' * 43}%3D"])
def test_takes_the_valid_one_of_several_cookies(session: Session, alice: User, forged: str) -> None:
    good, bad = cookie_of(session), f"{NAME}={forged}"
    assert asked(f"{bad}; {good}").user == asked(f"{good}; {bad}").user == alice


def test_takes_the_first_of_several_live_sessions(session: Session, alice: User, bob: User) -> None:
    mine, bobs, over = cookie_of(session), cookie_of(make_session(user=bob)), make_session(user=bob)
    expire(over)
    assert asked(f"{mine}; {bobs}").user == alice
    assert asked(f"{bobs}; {mine}").user == bob
    assert asked(f"{cookie_of(over)}; {mine}").user == alice


NOBODY: dict[str, Callable[[str], str]] = {
    "nothing": lambda token: "",
    "the bare token": lambda token: token,
    "a forged signature": lambda token: f"{token}.{'A' * 43}%3D",
    "a token that no session has": lambda token: signed_cookies.sign(random_token()),
    "part of a token": lambda token: signed_cookies.sign(token[:-1]),
    "a LIKE pattern": lambda token: signed_cookies.sign("%"),
    "a quote": lambda token: signed_cookies.sign("' OR ''='"),
    "a NUL": lambda token: signed_cookies.sign(f"{token}\0"),
    "letters that are not ASCII": lambda token: "é".encode().decode("latin-1") + signed_cookies.sign(token),
    "100 kB": lambda token: "a" * 100_000,
    "100 kB that were signed": lambda token: signed_cookies.sign("a" * 100_000),
}


@pytest.mark.parametrize("raw_of", NOBODY.values(), ids=NOBODY)
def test_knows_nobody_by(session: Session, raw_of: Callable[[str], str]) -> None:
    cookie = f"{NAME}={raw_of(session.token)}"
    request = asked(cookie)
    assert not request.user.is_authenticated
    assert sessions.get_current_id(request) is None
    assert Client().get("/", headers={"cookie": cookie}).status_code == 302


def test_knows_nobody_after_a_change_of_secret(session: Session, settings: Settings) -> None:
    cookie = cookie_of(session)
    settings.BETTER_AUTH_SECRET = "another secret, as long as the first"
    assert not asked(cookie).user.is_authenticated


def test_does_not_ask_the_database_for_a_view_that_does_not_ask(
    session: Session, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cookie = cookie_of(session)
    with django_assert_num_queries(0):
        request = asked(cookie)
        asked("").user.is_authenticated  # noqa: B018
    assert request.user.is_authenticated


@pytest.mark.parametrize("is_staff", [True, False])
def test_asks_for_user_session_and_staff_in_one_query(
    session: Session, alice: User, is_staff: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    if is_staff:
        Staff.objects.create(user=alice)
    with django_assert_num_queries(1):
        user = asked(cookie_of(session)).user
        assert isinstance(user, User)
        assert user.session is not None
        assert (user.is_staff, user.name, user.created_at) == (is_staff, "Alice", alice.created_at)
        own = user.session
        assert (own.pk, own.token, own.user, own.expires_at) == (session.pk, session.token, user, session.expires_at)


def test_answers_in_async_code_too_and_looks_once(
    session: Session, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = asked(cookie_of(session))
    assert async_to_sync(request.auser)() == alice
    with django_assert_num_queries(0):
        assert async_to_sync(request.auser)() == request.user == alice
    assert not async_to_sync(asked("").auser)().is_authenticated


def insert(random: random.Random, text: str, *choices: str) -> str:
    place = random.randrange(len(text))
    return text[:place] + random.choice(choices) + text[place:]


def replace(random: random.Random, text: str, change: Callable[[str], str]) -> str:
    place = random.choice([n for n, letter in enumerate(text) if change(letter) != letter])
    return text[:place] + change(text[place]) + text[place + 1 :]


def some_token(random: random.Random) -> str:
    return "".join(random.choices(ALPHABET, k=32))


def signed_with(secret: str, token: str) -> str:
    signature = base64.b64encode(hmac.digest(secret.encode(), token.encode(), "sha256")).decode()
    return quote(f"{token}.{signature}", safe="")


# Each makes a raw cookie value from a genuine one, given as it is before it is percent-encoded.
TAMPERED: dict[str, Callable[[random.Random, str], str]] = {
    "a flipped bit": lambda r, text: quote(
        replace(r, text, lambda char: chr(ord(char) ^ 1 << r.randrange(7))), safe=""
    ),
    "a cut end": lambda r, text: quote(text, safe="")[: r.randrange(len(quote(text, safe="")))],
    "a cut beginning": lambda r, text: quote(text[r.randrange(1, len(text)) :], safe=""),
    "more dots": lambda r, text: insert(r, text, ".", "..", "%2E"),
    "a swapped signature": lambda r, text: text.split(".")[0] + signed_cookies.sign(some_token(r))[32:],
    "a swapped token": lambda r, text: quote(some_token(r) + text[32:], safe=""),
    "another case": lambda r, text: quote(replace(r, text, str.swapcase), safe=""),
    "control characters": lambda r, text: insert(r, text, "%00", "%0D", "%0A", "%0D%0ASet-Cookie:%20a=b", "%7F"),
    "percent signs": lambda r, text: insert(r, text, "%", "%%", "%25", "%C0%80", "%u0061", "%ED%A0%80"),
    "letters encoded twice": lambda r, text: replace(r, text, lambda char: f"%25{ord(char):02X}"),
    "letters encoded too long": lambda r, text: replace(r, text, lambda char: f"%C1%{0x80 | ord(char) & 63:02X}"),
    "a foreign alphabet": lambda r, text: replace(r, text, lambda char: quote(chr(ord(char) + 0xFEE0))),
    "another key": lambda r, text: signed_with(f"{r.random()}", text.split(".")[0]),
    "another token beside it": lambda r, text: insert(r, text, some_token(r), text),
    "mixed letters": lambda r, text: "".join(r.sample(text, len(text))),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_knows_nobody_by_a_tampered_cookie(session: Session, tamper: Callable[[random.Random, str], str]) -> None:
    make_task(user_id=session.user_id, title="Water the plants")
    genuine = unquote(signed_cookies.sign(session.token))
    client, generator = Client(), random.Random(1)
    for raw in [tamper(generator, genuine) for _ in range(20)]:
        response = client.get("/", headers={"cookie": f"{NAME}={raw}"})
        assert unquote(raw) != genuine
        assert (response.status_code, response.headers.get("Location")) == (302, "/sign-in/?next=/"), raw
        assert "Water the plants" not in response.text
        assert not response.cookies, raw


def test_leads_on_to_a_page_after_a_form_that_came_too_late(client: Client) -> None:
    assert client.post("/settings/sessions/revoke/").headers["Location"] == "/sign-in/?next=/"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_leads_back_to_the_page_that_was_asked_for(client: Client, method: str) -> None:
    assert client.generic(method, "/trash/?a=b").headers["Location"] == "/sign-in/?next=/trash/%3Fa%3Db"
