"""The vectors were computed with OpenSSL: printf TOKEN | openssl dgst -sha256 -hmac SECRET -binary | base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from todo_site.better_auth import signed_cookies

# The same whatever the database.
pytestmark = pytest.mark.sqlite

SECRET = "a secret of the server, 32 chars+"
TOKEN = "OIwqToken00000000000000000000002"
SIGNATURE = "YFUSiYbA+q4VMOVN9/VgDRhZnbJwsPq+BXznQuHtsNE="
WIRE = f"{TOKEN}.YFUSiYbA%2Bq4VMOVN9%2FVgDRhZnbJwsPq%2BBXznQuHtsNE%3D"


@pytest.fixture(autouse=True)
def _secret(settings: Settings) -> None:
    settings.BETTER_AUTH_SECRET = SECRET


def by_hand(value: str, secret: str = SECRET) -> str:
    """A signed value before it is percent-encoded."""
    digest = hmac.new(secret.encode(), value.encode(), hashlib.sha256).digest()
    return f"{value}.{base64.b64encode(digest).decode()}"


def values(header: str, cookie: str = "session_token", *, secure: bool = False) -> list[str]:
    request = RequestFactory().get("/", headers={"cookie": header}, secure=secure)
    return signed_cookies.get_signed_values(request, cookie)


@pytest.mark.parametrize(
    ("secret", "value", "wire"),
    [
        (SECRET, TOKEN, WIRE),
        (
            SECRET,
            "abcdefghijklmnopqrstuvwxyzABCDEF",
            "abcdefghijklmnopqrstuvwxyzABCDEF.vm21n5MEen0oSk8Ghjgd4srOK8AgB3xVuDh6If%2BP36M%3D",
        ),
        (SECRET, "true", "true.wjOiTbCNZaLsSnG%2FoFMBK2SpWKJjX1kS47FiYn2H64U%3D"),
        ("clé secrète 🔑", "true", "true.DT7RDTw72Gnv2rX9tQGH2MYtBjInxfcqOBvWd1VOvn8%3D"),
    ],
)
def test_signs_and_reads_as_better_auth_does(settings: Settings, secret: str, value: str, wire: str) -> None:
    settings.BETTER_AUTH_SECRET = secret
    assert signed_cookies.sign(value) == wire
    assert signed_cookies.unsign(wire) == value


@pytest.mark.parametrize(
    "raw", [f"{TOKEN}.{SIGNATURE}", f'"{TOKEN}.{SIGNATURE}"', f'"{WIRE}"', WIRE.replace("%2B", "%2b")]
)
def test_accepts_undecoded_and_quoted_values(raw: str) -> None:
    assert signed_cookies.unsign(raw) == TOKEN


@pytest.mark.parametrize("value", ["50%41", "a+b", "a.b.c", ".a", "a b", "é", "X", "a" * 100_000])
def test_reads_back_what_was_signed(value: str) -> None:
    assert signed_cookies.unsign(by_hand(value).replace("%", "%25")) == value
    assert signed_cookies.unsign(quote(by_hand(value), safe="")) == value
    assert signed_cookies.unsign(signed_cookies.sign(value)) == value


REFUSED = {
    "nothing": "",
    "a dot": ".",
    "no signature": TOKEN,
    "an empty signature": f"{TOKEN}.",
    "an empty token": by_hand(""),
    "only a signature": SIGNATURE,
    "only the signature of an empty token": by_hand("")[1:],
    "a short signature": f"{TOKEN}.{SIGNATURE[1:]}",
    "a long signature": f"{TOKEN}.A{SIGNATURE}",
    "no padding": f"{TOKEN}.{SIGNATURE[:-1]}",
    "a letter for the padding": f"{TOKEN}.{SIGNATURE[:-1]}A",
    "double padding": f"{TOKEN}.{SIGNATURE[:-2]}==",
    "bits that base64 ignores": f"{TOKEN}.{SIGNATURE[:-2]}F=",
    "url-safe base64": f"{TOKEN}.{SIGNATURE.replace('+', '-').replace('/', '_')}",
    "a plus as a space": f"{TOKEN}.{SIGNATURE.replace('+', ' ')}",
    "a signature that is not ASCII": f"{TOKEN}.{'é' * 43}=",
    "a token that is not ASCII": f"é{TOKEN}.{SIGNATURE}",
    "a half of a surrogate pair": f"\ud800.{SIGNATURE}",
    "the signature of another token": f"{TOKEN}.{by_hand('token0').rpartition('.')[2]}",
    "another secret": by_hand(TOKEN, "b" * 32),
    "no secret": by_hand(TOKEN, ""),
    "another case": f"{TOKEN.lower()}.{SIGNATURE}",
    "encoded twice": quote(WIRE, safe=""),
    "signed twice": f"{TOKEN}.{SIGNATURE}.{SIGNATURE}",
    "a NUL that was signed": by_hand("to\0ken"),
    "a NUL": f"{TOKEN}%00.{SIGNATURE}",
    "broken percent signs": "%.%zz.%ff%fe%=",
    "100 kB of letters": "a" * 100_000,
    "100 kB of dots": "." * 100_000,
    "100 kB of percent signs": "%" * 100_000,
    "a 100 kB signature": f"{TOKEN}.{'A' * 100_000}=",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_refuses(raw: str) -> None:
    assert signed_cookies.unsign(raw) is None
    assert values(f"better-auth.session_token={raw}") == []


@pytest.mark.parametrize(
    ("server", "secure", "prefix", "name"),
    [
        ("", False, "better-auth", "better-auth.session_token"),
        ("", True, "better-auth", "__Secure-better-auth.session_token"),
        ("", True, "todo", "__Secure-todo.session_token"),
        ("https://auth.example.org", False, "better-auth", "__Secure-better-auth.session_token"),
        ("http://127.0.0.1:3000", True, "todo", "todo.session_token"),
    ],
)
def test_names_cookies_as_the_server_does(
    settings: Settings, server: str, secure: bool, prefix: str, name: str
) -> None:
    settings.BETTER_AUTH_URL, settings.BETTER_AUTH_COOKIE_PREFIX = server, prefix
    assert signed_cookies.get_cookie_name(RequestFactory().get("/", secure=secure), "session_token") == name


def test_reads_only_its_own_form_of_the_name() -> None:
    plain, prefixed = f"better-auth.session_token={WIRE}", f"__Secure-better-auth.session_token={WIRE}"
    assert values(plain) == values(prefixed, secure=True) == [TOKEN]
    assert values(prefixed) == values(plain, secure=True) == []
    assert values(plain, "dont_remember") == values(f"better-auth.dont_remember={WIRE}") == []
    assert values(f"Better-Auth.session_token={WIRE}; other.session_token={WIRE}") == []


@pytest.mark.parametrize("header", ["", ";", "=;=", "better-auth.session_token", "better-auth.session_token=", "é; \0"])
def test_finds_nothing_in_a_header_without_a_value(header: str) -> None:
    assert values(header) == []


def test_finds_nothing_without_a_header() -> None:
    request = RequestFactory().get("/")
    del request.META["HTTP_COOKIE"]
    assert signed_cookies.get_signed_values(request, "session_token") == []


def test_returns_each_genuine_value_once_in_the_order_sent_and_at_most_four() -> None:
    sent = ["b", "forged", "a", "b", "c", "d", "e"]
    raw = [by_hand(value, "another secret" if value == "forged" else SECRET) for value in sent]
    assert values("x=1;  " + "; ".join(f"better-auth.session_token={value}" for value in raw)) == ["b", "a", "c", "d"]
    many = "; ".join(f"better-auth.session_token={TOKEN}.{n:043}=" for n in range(1000))
    assert values(f"{many}; better-auth.session_token={WIRE}") == [TOKEN]
