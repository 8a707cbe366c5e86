"""Rate limits on attempts to sign in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from todo_site.better_auth.models import Session, User
from todo_site.better_auth.rate_limits import BY_ACCOUNT, BY_ADDRESS
from todo_site.better_auth.tests.factories import make_account
from todo_site.better_auth.tests.sign_in_forms import EMAIL, PASSWORD, sign_in
from todo_site.web.models import RateLimitCounter
from todo_site.web.rate_limits import network_prefix

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account(EMAIL, PASSWORD, "Alice")


def retry_after(response: Response, most: int) -> int:
    assert response.status_code == 429
    seconds = int(response.headers["Retry-After"])
    assert 0 < seconds <= most
    assert f"Wait {seconds} second" in response.text
    assert f'value="{EMAIL}"' in response.text
    assert PASSWORD not in response.text
    return seconds


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
