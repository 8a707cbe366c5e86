from __future__ import annotations

import html
import re
from math import ceil
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.passwords import verify_password
from todo_site.better_auth.rate_limits import BY_ACCOUNT
from todo_site.better_auth.tests.factories import make_account, make_session
from todo_site.web.models import RateLimitCounter

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

OLD, NEW = "correct horse battery", "staple of a new kind"
PAGE, PASSWORD = "/settings/", "/settings/password/"
COOKIE = "better-auth.session_token"


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account("alice@example.org", OLD, "Alice")


@pytest.fixture
def bob() -> User:
    """Bob with a password."""
    return make_account("bob@example.org", OLD, "Bob")


def field(response: Response, name: str) -> str:
    given = re.search(rf'<input[^>]* id="id_{name}"[^>]*>', response.text)
    assert given, response.text
    return given[0]


def error_at(response: Response, name: str) -> str:
    """What the page says at a field, which is marked as wrong."""
    assert 'aria-invalid="true"' in field(response, name)
    words = re.search(rf'id="id_{name}_error">(.*?)</ul>', response.text, re.DOTALL)
    assert words, response.text
    return html.unescape(re.sub("<[^>]+>", "", words[1])).strip()


def change_password(client: Client, current: str = OLD, new: str = NEW) -> Response:
    return client.post(PASSWORD, {"current_password": current, "new_password": new})


def stored(user: User) -> str | None:
    return Account.objects.get(user=user).password


# The name and the e-mail address


def test_shows_ones_own_name_and_email(alices: Client, bob: User) -> None:
    response = alices.get(PAGE)
    assert response.status_code == 200
    assert 'value="Alice"' in field(response, "name")
    assert "<bdi>alice@example.org</bdi>" in response.text
    assert "bob@example.org" not in response.text


@pytest.mark.parametrize("name", ["A", "a" * 100, "🔑" * 100, '"Alice" <b>'])
def test_changes_the_name(alices: Client, alice: User, bob: User, name: str) -> None:
    earliest = timezone.now()
    response = alices.post(PAGE, {"name": f"  {name} ", "email": "new@example.org", "id": bob.id})
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    changed = User.objects.get(pk=alice.pk)
    assert (changed.name, changed.email) == (name, "alice@example.org")
    assert earliest <= changed.updated_at <= timezone.now()
    assert (changed.created_at, User.objects.get(pk=bob.pk).name) == (alice.created_at, "Bob")
    page = alices.get(PAGE)
    assert "Name changed." in page.text
    assert f'value="{html.escape(name).replace("&quot;", "&#34;")}"' in field(page, "name").replace("&quot;", "&#34;")
    assert "<b>" not in page.text
    assert "Name changed." not in alices.get(PAGE).text


@pytest.mark.parametrize(
    ("name", "words"), [("", "required"), (" \t ", "required"), ("a" * 101, "at most 100"), ("a\0b", "Null")]
)
def test_refuses_other_names(alices: Client, alice: User, name: str, words: str) -> None:
    response = alices.post(PAGE, {"name": name})
    assert response.status_code == 422
    assert words in error_at(response, "name")
    assert 'role="alert"' in response.text
    assert "aria-invalid" not in field(response, "current_password") + field(response, "new_password")
    assert User.objects.get(pk=alice.pk).name == "Alice"


def test_keeps_a_name_that_was_refused_in_its_field(alices: Client) -> None:
    response = alices.post(PAGE, {"name": "a" * 101})
    assert f'value="{"a" * 101}"' in field(response, "name")
    assert response.text.count('role="alert"') == 1


# The password


def test_changes_the_password(alices: Client, alice: User, bob: User) -> None:
    before, bobs_before = stored(alice), stored(bob)
    earliest = timezone.now()
    response = change_password(alices)
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    assert stored(alice) != before
    assert verify_password(NEW, stored(alice))
    assert not verify_password(OLD, stored(alice))
    assert stored(bob) == bobs_before
    account = Account.objects.get(user=alice)
    assert earliest <= account.updated_at <= timezone.now()
    assert (account.account_id, account.provider_id) == (alice.id, "credential")
    assert "Password changed." in alices.get(PAGE).text
    form = {"email": "alice@example.org", "password": NEW}
    assert Client().post("/sign-in/", form).status_code == 303
    assert Client().post("/sign-in/", {**form, "password": OLD}).status_code == 422


def test_ends_all_other_sessions_of_ones_own_with_a_new_password(alices: Client, alice: User, bob: User) -> None:
    others = [make_session(user=alice) for _ in range(3)]
    bobs = make_session(user=bob)
    before = alices.cookies[COOKIE].value
    change_password(alices)
    assert alices.cookies[COOKIE].value == before
    assert alices.get(PAGE).status_code == 200
    for other in others:
        response = Client().get(PAGE, headers={"cookie": f"{COOKIE}={signed_cookies.sign(other.token)}"})
        assert response.headers["Location"] == f"/sign-in/?next={PAGE}"
    assert Session.objects.filter(user=alice).count() == 1
    assert Session.objects.get(user=bob) == bobs


def test_changes_the_password_and_no_other_way_to_sign_in(alices: Client, alice: User) -> None:
    now = timezone.now()
    Account.objects.create(id="elsewhere", user=alice, account_id="1", provider_id="github", updated_at=now)
    change_password(alices)
    assert Account.objects.get(pk="elsewhere").password is None


@pytest.mark.parametrize("current", ["wrong password", OLD.upper(), f"{OLD} ", "x" * 5000])
def test_refuses_a_wrong_present_password(alices: Client, alice: User, current: str) -> None:
    before = stored(alice)
    make_session(user=alice)
    response = change_password(alices, current=current)
    assert response.status_code == 422
    assert error_at(response, "current_password") == "Wrong password."
    assert "aria-invalid" not in field(response, "new_password") + field(response, "name")
    assert (stored(alice), Session.objects.filter(user=alice).count()) == (before, 2)


def test_does_not_take_somebody_elses_password_for_ones_own(bobs: Client, alice: User, bob: User) -> None:
    assert change_password(bobs, new="another of his own").status_code == 303
    response = change_password(bobs, current=OLD)
    assert response.status_code == 422
    assert verify_password(OLD, stored(alice))


def test_refuses_everything_without_a_password_of_ones_own(alices: Client, alice: User) -> None:
    Account.objects.filter(user=alice).update(provider_id="github", password=None)
    assert error_at(change_password(alices), "current_password") == "Wrong password."
    assert stored(alice) is None


@pytest.mark.parametrize("new", ["a" * 8, "a" * 128, "🔑" * 4, "🔑" * 64, " " * 8])
def test_takes_new_passwords_of_8_to_128_utf_16_units(alices: Client, alice: User, new: str) -> None:
    assert change_password(alices, new=new).status_code == 303
    assert verify_password(new, stored(alice))


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("", "required"),
        ("a" * 7, "at least 8"),
        ("🔑🔑🔑a", "at least 8"),
        ("a" * 129, "at most 128"),
        ("🔑" * 64 + "a", "at most 128"),
        ("a" * 8 + "\0", "Null"),
    ],
)
def test_refuses_other_new_passwords(alices: Client, alice: User, new: str, words: str) -> None:
    before = stored(alice)
    make_session(user=alice)
    response = change_password(alices, new=new)
    assert response.status_code == 422
    assert words in error_at(response, "new_password")
    assert "aria-invalid" not in field(response, "current_password")
    assert (stored(alice), Session.objects.filter(user=alice).count()) == (before, 2)


@pytest.mark.parametrize(("current", "new"), [("the wrong secret", NEW), (OLD, "secret7"), ("", "secret of 128" * 11)])
def test_never_shows_a_password(alices: Client, current: str, new: str) -> None:
    response = change_password(alices, current, new)
    assert response.status_code == 422
    for password in ("current_password", "new_password"):
        assert 'type="password"' in field(response, password)
        assert "value=" not in field(response, password)
    assert not [word for word in (current, new) if word and word in response.text]


def test_shows_ones_name_beside_a_refused_password(alices: Client) -> None:
    response = change_password(alices, current="wrong")
    assert 'value="Alice"' in field(response, "name")
    assert response.text.count('role="alert"') == 1


def test_limits_the_tries(alices: Client, bobs: Client, alice: User) -> None:
    before = stored(alice)
    for _ in range(10):
        assert change_password(alices, current="wrong").status_code == 422
    response = change_password(alices)
    seconds = int(response.headers["Retry-After"])
    assert response.status_code == 429
    assert 0 < seconds <= 900
    assert f"Too many attempts. Try again in {ceil(seconds / 60)} minutes." in response.text
    assert OLD not in response.text
    assert stored(alice) == before
    assert change_password(bobs).status_code == 303


def test_forgets_the_failures_after_the_right_password(alices: Client, alice: User) -> None:
    for _ in range(9):
        BY_ACCOUNT.check(alice.id)
    assert change_password(alices).status_code == 303
    assert not RateLimitCounter.objects.filter(key=BY_ACCOUNT.get_key(alice.id)).exists()


# Who may ask, and how


@pytest.mark.parametrize("path", [PAGE, PASSWORD])
def test_changes_nothing_without_a_csrf_token(alices: Client, alice: User, path: str) -> None:
    before = stored(alice)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    assert strict.post(path, {"name": "X", "current_password": OLD, "new_password": NEW}).status_code == 403
    assert (User.objects.get().name, stored(alice)) == ("Alice", before)


@pytest.mark.parametrize("path", [PAGE, PASSWORD])
def test_asks_somebody_unknown_to_sign_in(client: Client, alice: User, path: str) -> None:
    before = stored(alice)
    form = {"name": "X", "current_password": OLD, "new_password": NEW}
    for response in (client.get(path), client.post(path, form)):
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/sign-in/?next=/")
    assert (User.objects.get().name, stored(alice)) == ("Alice", before)


@pytest.mark.parametrize(
    ("method", "path"), [("get", PASSWORD), ("head", PASSWORD), ("put", PASSWORD), ("put", PAGE), ("delete", PAGE)]
)
def test_knows_no_other_methods(alices: Client, method: str, path: str) -> None:
    assert getattr(alices, method)(path).status_code == 405
