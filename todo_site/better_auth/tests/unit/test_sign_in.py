from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.rate_limits import BY_ACCOUNT, BY_ADDRESS
from todo_site.better_auth.tests.factories import make_account
from todo_site.web.models import RateLimitCounter
from todo_site.web.rate_limits import RateLimit, RateLimitExceeded, network_prefix

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

EMAIL, PASSWORD = "alice@example.org", "correct horse battery"
ID = re.compile(r"[a-zA-Z0-9]{32}")
SESSION, DONT_REMEMBER = "better-auth.session_token", "better-auth.dont_remember"


def sign_up(client: Client, **fields: str) -> Response:
    form = {"name": "Alice", "email": EMAIL, "password": PASSWORD, **fields}
    return client.post("/sign-up/", form, headers={"user-agent": "Lynx"})


def sign_in(client: Client, *, address: str = "127.0.0.1", secure: bool = False, **fields: str) -> Response:
    form = {"email": EMAIL, "password": PASSWORD, **fields}
    return client.post("/sign-in/", form, headers={"user-agent": "Lynx"}, REMOTE_ADDR=address, secure=secure)


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


def without_secrets(response: Response) -> tuple[int, dict[str, str], str]:
    headers = {name: value for name, value in response.items() if name != "X-Request-ID"}
    return response.status_code, headers, re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1", response.text)


# Signing up


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


# Signing in


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


# Where to go next

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


# How often somebody may try


def retry_after(response: Response, most: int) -> int:
    assert response.status_code == 429
    seconds = int(response.headers["Retry-After"])
    assert 0 < seconds <= most
    wait = f"{ceil(seconds / 60)} minutes" if seconds > 90 else f"{seconds} second"
    assert f"Too many attempts. Try again in {wait}" in response.text
    assert f'value="{EMAIL}"' in response.text
    assert PASSWORD not in response.text
    return seconds


@pytest.mark.parametrize(
    ("seconds", "wait"), [(1, "1 second"), (2, "2 seconds"), (90, "90 seconds"), (91, "2 minutes"), (121, "3 minutes")]
)
def test_gives_a_long_wait_in_minutes(monkeypatch: pytest.MonkeyPatch, seconds: int, wait: str) -> None:
    def refuse(limit: RateLimit, subject: str) -> None:
        raise RateLimitExceeded(seconds)

    monkeypatch.setattr(RateLimit, "check", refuse)
    response = sign_in(Client())
    assert (response.status_code, response.headers["Retry-After"]) == (429, str(seconds))
    assert f"Too many attempts. Try again in {wait}." in response.text


def test_limits_the_tries_of_an_address(alice: User) -> None:
    for n in range(20):
        BY_ADDRESS.check("192.0.2.1")
        assert RateLimitCounter.objects.get().count == n + 1
    retry_after(sign_in(Client(), address="192.0.2.1"), most=60)
    retry_after(sign_in(Client(), address="::ffff:192.0.2.1"), most=60)
    response = Client().post("/sign-up/", {"name": "B", "email": EMAIL, "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    retry_after(response, most=60)
    assert sign_in(Client(), address="192.0.2.2").status_code == 303


def test_counts_good_tries_of_an_address_too(alice: User) -> None:
    for _ in range(19):
        BY_ADDRESS.check("127.0.0.1")
    assert sign_in(Client()).status_code == 303
    retry_after(sign_in(Client()), most=60)


def test_counts_the_addresses_of_an_ipv6_network_together(alice: User) -> None:
    for _ in range(20):
        BY_ADDRESS.check(network_prefix("2001:db8:1:2::1"))
    retry_after(sign_in(Client(), address="2001:db8:1:2:ffff::9"), most=60)
    assert sign_in(Client(), address="2001:db8:1:3::1").status_code == 303


def test_limits_the_tries_for_an_account(alice: User) -> None:
    User.objects.create_user("bob@example.org", PASSWORD, "Bob")
    for n in range(10):
        email = "ALICE@example.org" if n % 2 else EMAIL
        assert sign_in(Client(), email=email, password="wrong").status_code == 422
    retry_after(sign_in(Client()), most=900)
    retry_after(sign_in(Client(), address="192.0.2.2"), most=900)
    assert sign_in(Client(), email="bob@example.org").status_code == 303
    assert not Session.objects.filter(user=alice).exists()


def test_forgets_the_failures_of_an_account_after_the_right_password(alice: User) -> None:
    for _ in range(2):
        for _ in range(9):
            BY_ACCOUNT.check(EMAIL)
        assert sign_in(Client()).status_code == 303


def test_does_not_lengthen_the_wait_by_a_refused_try(alice: User) -> None:
    for _ in range(10):
        BY_ACCOUNT.check(EMAIL)
    RateLimitCounter.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    until = RateLimitCounter.objects.get().expires_at
    for _ in range(3):
        retry_after(sign_in(Client()), most=5)
    assert RateLimitCounter.objects.get(key=BY_ACCOUNT.get_key(EMAIL)).expires_at == until


def test_lets_somebody_try_again_after_the_wait(alice: User) -> None:
    BY_ACCOUNT.check(EMAIL)
    RateLimitCounter.objects.update(count=99, expires_at=timezone.now() - timedelta(seconds=1))
    assert sign_in(Client(), password="wrong").status_code == 422
    assert RateLimitCounter.objects.get(key=BY_ACCOUNT.get_key(EMAIL)).count == 1


def test_keeps_neither_addresses_nor_tries_that_are_over(alice: User) -> None:
    BY_ADDRESS.check("192.0.2.1")
    RateLimitCounter.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sign_in(Client(), password="wrong")
    rows = RateLimitCounter.objects.values_list("key", flat=True)
    assert set(rows) == {BY_ADDRESS.get_key("127.0.0.1"), BY_ACCOUNT.get_key(EMAIL)}
    assert not [key for key in rows if "127.0.0.1" in key or "alice" in key]


def test_does_not_count_by_an_address_that_anybody_can_claim(alice: User, settings: Settings) -> None:
    for _ in range(20):
        BY_ADDRESS.check("127.0.0.1")
    claimed = {"x-forwarded-for": "192.0.2.7"}
    form = {"email": EMAIL, "password": PASSWORD}
    assert Client().post("/sign-in/", form, headers=claimed).status_code == 429
    settings.TRUSTED_PROXIES = 1
    assert Client().post("/sign-in/", form, headers=claimed).status_code == 303
    assert Session.objects.get().ip_address == "192.0.2.7"
