"""Bearer tokens and cookies of a real Better Auth server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from tasks.tests.factories import make_task
from todo_site.better_auth import bearer_tokens
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.auth_server import MISSING, Person, running_auth_server
from todo_site.better_auth.tests.bearer_tokens import KEYS, claims, public_jwk, sign, status
from todo_site.better_auth.tests.factories import make_user
from todo_site.tests.postgresql import address

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "runs"),
    pytest.mark.django_db(transaction=True),  # the server reads what was committed
]


@pytest.fixture(scope="module")
def auth(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The origin of a server on the database of these tests."""
    with django_db_blocker.unblock():
        database = address(connection.settings_dict["NAME"])
    with running_auth_server(database, tmp_path_factory.mktemp("auth") / "log", COOKIE_CACHE="jwt") as origin:
        yield origin


@pytest.fixture(autouse=True)
def _known_server(auth: str, settings: Settings) -> None:
    settings.BETTER_AUTH_URL = auth
    bearer_tokens._key_sets.clear()


@pytest.fixture
def owner(auth: str) -> User:
    return make_user(name="Owner", email="owner@example.org")


def publish(algorithm: str) -> str:
    """Add a key of ours to the server's, and return its kid. It is old: the server goes on signing with its own."""
    kid, public = f"test-{secrets.token_hex(6)}", public_jwk(algorithm)
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO jwks (id, "publicKey", "privateKey", "createdAt", alg, crv) VALUES (%s, %s, %s, %s, %s, %s)',
            [kid, json.dumps(public), "{}", datetime(2001, 1, 1, tzinfo=UTC), algorithm, public.get("crv")],
        )
    return kid


def withdraw(kid: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM jwks WHERE id = %s", [kid])


def test_accepts_the_servers_own_token(auth: str) -> None:
    person = Person("", auth)
    person.tell_auth("/sign-up/email", name="Tess", email="tess@example.org", password="correct horse battery")
    token = person.ask_auth("/token").json["token"]
    user = User.objects.get(email="tess@example.org")
    make_task(user.id, title="By token")
    answer = Client().get("/", headers={"Authorization": f"Bearer {token}"})
    assert "By token" in answer.text
    assert status(token[:-4]) == 401
    person.tell_auth("/sign-out")
    user.delete()
    assert status(token) == 401


def test_refuses_the_cookie_cache_of_the_same_server(auth: str) -> None:
    person = Person("", auth)
    person.tell_auth("/sign-up/email", name="Cass", email="cass@example.org", password="correct horse battery")
    person.ask_auth("/get-session")
    cache = person.cookie("session_data")
    assert cache
    assert cache.value
    assert cache.value.count(".") == 2
    assert status(cache.value) == 401


@pytest.mark.parametrize("algorithm", KEYS)
def test_accepts_a_key_while_the_server_publishes_it(owner: User, auth: str, algorithm: str) -> None:
    token = sign(claims(owner, auth), kid := publish(algorithm), algorithm)
    assert status(token) == 200
    assert status(sign(claims(owner, auth, aud="https://elsewhere.example"), kid, algorithm)) == 401
    withdraw(kid)
    bearer_tokens.get_key_set().requested_at -= bearer_tokens.KEYS_LIFETIME + 1
    assert status(token) == 401


@pytest.mark.parametrize(("prefix", "scheme"), [("better-auth", "https"), ("shop", "http"), ("shop", "https")])
def test_knows_the_cookie_by_the_servers_prefix_and_scheme(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, prefix: str, scheme: str
) -> None:
    database = address(connection.settings_dict["NAME"])
    public = f"{scheme}://auth.example.org"
    log = tmp_path_factory.mktemp("auth") / "log"
    options = {"BETTER_AUTH_URL": public, "BETTER_AUTH_COOKIE_PREFIX": prefix, "COOKIE_DOMAIN": "example.org"}
    with running_auth_server(database, log, **options) as origin:
        person = Person("", origin)
        body = json.dumps({"name": "P", "email": f"{prefix}.{scheme}@example.org", "password": "correct horse"})
        answer = person.send(f"{origin}/api/auth/sign-up/email", body.encode(), **{"Content-Type": "application/json"})
    line = next(line for line in answer.headers.get_all("Set-Cookie", []) if "session_token" in line)
    assert "Domain=example.org" in line
    settings.BETTER_AUTH_URL, settings.BETTER_AUTH_COOKIE_PREFIX = public, prefix
    settings.BETTER_AUTH_COOKIE_DOMAIN = "example.org"
    browser = Client(headers={"Cookie": line.split(";")[0]})
    assert browser.get("/").status_code == 200
    gone = browser.post("/sign-out/")
    name = line.partition("=")[0]
    assert gone.cookies[name]["domain"] == "example.org"
    assert bool(gone.cookies[name]["secure"]) is (scheme == "https")
    settings.BETTER_AUTH_COOKIE_PREFIX = "other"
    assert browser.get("/").status_code == 302
