"""Bearer tokens, verified with the keys of a server that publishes keys and nothing else."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jwt.algorithms import OKPAlgorithm
from pytest_django import Settings

from todo_site.better_auth import bearer_tokens, signed_cookies
from todo_site.better_auth.models import Staff, User
from todo_site.better_auth.tests.bearer_tokens import KEYS, claims, public_jwk, sign, status
from todo_site.better_auth.tests.factories import add_column, make_session, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


# What the server publishes, by kid.
published: dict[str, Any] = {}


class Publisher(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert self.path == "/api/auth/jwks"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": list(published.values())}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        pass


@pytest.fixture(scope="module")
def auth() -> Iterator[str]:
    """The origin of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _known_server(auth: str, settings: Settings) -> Iterator[None]:
    settings.BETTER_AUTH_URL = auth
    bearer_tokens._key_sets.clear()
    yield
    withdraw()


def withdraw() -> None:
    """Let the server publish no key."""
    published.clear()


def publish(algorithm: str, key: Any = None, **parts: Any) -> str:
    """Let the server publish a key of ours; return its kid."""
    kid = f"test-{secrets.token_hex(6)}"
    published[kid] = {"alg": algorithm, "kid": kid, **public_jwk(algorithm, key), **parts}
    return kid


@pytest.fixture
def owner(auth: str) -> User:
    return make_user(name="Owner", email="owner@example.org")


@pytest.mark.parametrize("algorithm", KEYS)
def test_accepts_every_algorithm_that_the_server_can_be_set_to(owner: User, auth: str, algorithm: str) -> None:
    assert status(sign(claims(owner, auth), publish(algorithm), algorithm)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -DAY},
        {"exp": ...},
        {"iat": ...},
        {"sub": ...},
        {"iss": ...},
        {"aud": ...},
        {"nbf": DAY},
        {"iat": DAY},
        {"aud": "better-auth:session-cache"},
        {"aud": "https://elsewhere.example"},
        {"iss": "https://elsewhere.example"},
        {"sub": ""},
        {"sub": "*"},
        {"sub": "a\0b"},
        {"sub": "x" * 3000},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": "1"},
        {"iat": True},
        {"nbf": "1"},
        {"nbf": True},
    ],
    ids="".join,
)
def test_refuses_claims_that_are_not_right(owner: User, auth: str, changes: dict[str, Any]) -> None:
    kid = publish("EdDSA")
    payload = claims(owner, auth, **changes)
    times = {name: int(value.timestamp()) if isinstance(value, datetime) else value for name, value in payload.items()}
    token = jwt.api_jws.encode(json.dumps(times).encode(), KEYS["EdDSA"], "EdDSA", headers={"kid": kid})
    assert status(token) == 401
    assert status(sign(claims(owner, auth), kid)) == 200


def raw(header: dict[str, Any], payload: bytes, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"null", b"{", b"\xff", b"[" * 5000])
def test_refuses_a_payload_that_is_no_object(owner: User, payload: bytes) -> None:
    token = jwt.api_jws.encode(payload, KEYS["EdDSA"], "EdDSA", headers={"kid": publish("EdDSA")})
    assert status(token) == 401


def test_refuses_a_claim_that_comes_twice(owner: User, auth: str) -> None:
    kid = publish("EdDSA")
    other = make_user()
    text = json.dumps({**claims(owner, auth, iat=1, exp=9999999999)})
    doubled = text.replace("{", f'{{"sub": "{other.id}", ', 1).encode()
    assert status(jwt.api_jws.encode(doubled, KEYS["EdDSA"], "EdDSA", headers={"kid": kid})) == 401
    assert status(jwt.api_jws.encode(text.encode(), KEYS["EdDSA"], "EdDSA", headers={"kid": kid})) == 200


def test_refuses_signatures_that_are_not_the_servers(owner: User, auth: str) -> None:
    kid = publish("EdDSA")
    payload = claims(owner, auth)
    public = KEYS["EdDSA"].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    own = ed25519.Ed25519PrivateKey.generate()
    own_jwk = json.loads(OKPAlgorithm.to_jwk(own.public_key()))
    plain = json.dumps(claims(owner, auth, iat=1, exp=9999999999)).encode()
    attempts = {
        "another key under the right kid": sign(payload, kid, key=own),
        "its own key in the header": sign(payload, kid, key=own, jwk=own_jwk),
        "a key elsewhere": sign(payload, kid, key=own, jku="http://127.0.0.1:1/jwks", x5u="http://127.0.0.1:1/x"),
        "the public key as a secret": sign(payload, kid, "HS256", key=base64.b64encode(public)),
        "the cookies' secret": sign(payload, kid, "HS256", key="only-for-tests-" + "b" * 40),
        "another algorithm": sign(payload, kid, "ES256"),
        "an unknown critical header": sign(payload, kid, crit=["x"], x=1),
        "a critical header that is not there": sign(payload, kid, crit=["b64"]),
        "another type": sign(payload, kid, typ="better-auth.session-cache+jwt"),
        "no signature": raw({"alg": "none", "kid": kid}, plain),
        "no algorithm, spelt otherwise": raw({"alg": "nOnE", "kid": kid}, plain),
        "an empty signature": raw({"alg": "EdDSA", "kid": kid}, plain),
        "no kid": raw({"alg": "EdDSA"}, plain),
        "a kid that is a list": raw({"alg": "EdDSA", "kid": [kid]}, plain),
        "a kid that is a path": sign(payload, "../../etc/passwd"),
        "a kid that is SQL": sign(payload, "' OR 1=1 --"),
        "a long kid": sign(payload, "k" * 5000),
        "a million bytes": "a" * 1_000_000,
        "nothing": "",
        "a second word": f"{sign(payload, kid)} x",
        "three dots": "...",
        "not ASCII": "ä.ö.ü",
    }
    assert {name: status(token) for name, token in attempts.items()} == dict.fromkeys(attempts, 401)
    assert status(sign(payload, kid)) == 200
    assert status(sign(payload, kid, typ="")) == 200  # a header without the type


def test_refuses_an_algorithm_that_the_server_cannot_be_set_to(owner: User, auth: str) -> None:
    assert status(sign(claims(owner, auth), publish("RS384", KEYS["RS256"]), "RS384", KEYS["RS256"])) == 401


def test_refuses_what_is_longer_than_any_token_of_the_server(owner: User, auth: str) -> None:
    kid = publish("EdDSA")
    shortest = len(sign(claims(owner, auth, iat=1, exp=9999999999, padding=""), kid))
    most = (8192 - shortest) * 3 // 4 + 4
    padded = [claims(owner, auth, iat=1, exp=9999999999, padding="a" * size) for size in range(most - 16, most)]
    sized = {len(token): token for payload in padded for token in (sign(payload, kid), sign(payload, kid, x="a"))}
    assert status(sized[8192]) == 200
    assert status(sized[8193]) == 401


def test_refuses_a_key_that_was_rotated_out(owner: User, auth: str) -> None:
    kid = publish("EdDSA")
    token = sign(claims(owner, auth), kid)
    assert status(token) == 200
    withdraw()
    bearer_tokens.get_key_set().requested_at -= bearer_tokens.KEYS_COOLDOWN + 1
    assert status(token) == 200
    bearer_tokens.get_key_set().requested_at -= bearer_tokens.KEYS_LIFETIME + 1
    assert status(token) == 401


def test_goes_on_with_the_good_keys_beside_one_that_cannot_be_read(owner: User, auth: str) -> None:
    kid, broken = publish("EdDSA"), publish("EdDSA", x=None)
    assert status(sign(claims(owner, auth), broken)) == 401
    assert status(sign(claims(owner, auth), kid)) == 200


def test_asks_for_new_keys_when_one_is_unknown_but_not_more_often_than_the_cool_down(owner: User, auth: str) -> None:
    assert status(sign(claims(owner, auth), publish("EdDSA"))) == 200
    new = sign(claims(owner, auth), publish("ES256"), "ES256")
    assert status(new) == 401
    bearer_tokens.get_key_set().requested_at -= bearer_tokens.KEYS_COOLDOWN + 1
    assert status(new) == 200


def test_goes_on_with_the_known_keys_while_the_server_is_away(owner: User, auth: str, settings: Settings) -> None:
    token = sign(claims(owner, auth), publish("EdDSA"))
    assert status(token) == 200
    keys = bearer_tokens.get_key_set()
    away = "http://127.0.0.1:1"
    settings.BETTER_AUTH_URL = away
    bearer_tokens._key_sets[away] = keys
    keys.requested_at -= bearer_tokens.KEYS_LIFETIME + 1
    payload = claims(owner, away)
    kid = jwt.get_unverified_header(token)["kid"]
    assert status(sign(payload, kid)) == 200


@pytest.mark.parametrize("is_staff", [True, False])
def test_knows_whether_somebody_is_staff(owner: User, auth: str, is_staff: bool) -> None:
    if is_staff:
        Staff.objects.create(user=owner)
    found = bearer_tokens.find_user(sign(claims(owner, auth), publish("EdDSA")))
    assert found
    assert (found, found.is_staff, found.session) == (owner, is_staff, None)


def test_refuses_somebody_who_is_gone_or_banned(owner: User, auth: str) -> None:
    token = sign(claims(owner, auth), publish("EdDSA"))
    add_column("banned", "boolean")
    with connection.cursor() as cursor:
        cursor.execute('UPDATE "user" SET banned = true WHERE id = %s', [owner.id])
    assert status(token) == 401
    with connection.cursor() as cursor:
        cursor.execute('UPDATE "user" SET banned = false WHERE id = %s', [owner.id])
    assert status(token) == 200
    owner.delete()
    assert status(token) == 401


def test_does_not_ask_how_pages_look_to_a_program(owner: User, auth: str) -> None:
    token = sign(claims(owner, auth), publish("EdDSA"))
    with CaptureQueriesContext(connection) as queries:
        assert status(token) == 200
    assert not [query for query in queries if "preferences" in query["sql"]]


def test_needs_no_form_token_unless_a_session_cookie_comes_along(owner: User, auth: str) -> None:
    headers = {"Authorization": f"Bearer {sign(claims(owner, auth), publish('EdDSA'))}"}
    program = Client(enforce_csrf_checks=True)
    assert program.post("/tasks/new/", {"title": "By program"}, headers=headers).status_code == 303
    for cookie in (signed_cookies.sign(make_session(user=owner).token), "forged"):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies["better-auth.session_token"] = cookie
        assert browser.post("/tasks/new/", {"title": "By browser"}, headers=headers).status_code == 403
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post("/tasks/new/", {"title": "No"}, headers={"Authorization": "Bearer x"}).status_code in {
        401,
        403,
    }
