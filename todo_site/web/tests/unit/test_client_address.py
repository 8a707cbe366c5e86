from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from todo_site.web.client_address import get_client_address

# The same whatever the database.
pytestmark = pytest.mark.sqlite

SOCKET, CALLER, CLAIMED = "192.0.2.1", "198.51.100.7", "203.0.113.9"


def address(forwarded: str | None, socket: str = SOCKET) -> str:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return get_client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=socket))


@pytest.mark.parametrize("forwarded", [None, "", CLAIMED, f"{CLAIMED}, {CALLER}", "rubbish", "," * 10_000])
def test_is_the_sockets_without_a_proxy(settings: Settings, forwarded: str | None) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address(forwarded) == SOCKET


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, CALLER, CALLER),
        (1, f"{CLAIMED}, {CALLER}", CALLER),
        (1, f"{CLAIMED},{CALLER} ", CALLER),
        (1, f"rubbish, , {CALLER}", CALLER),
        (2, f"{CALLER}, 192.0.2.8", CALLER),
        (2, f"{CLAIMED}, {CALLER}, 192.0.2.8", CALLER),
        (2, CLAIMED, SOCKET),
        (9, f"{CLAIMED}, {CALLER}", SOCKET),
    ],
)
def test_is_what_the_last_trusted_proxy_saw(settings: Settings, proxies: int, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address(forwarded) == expected


@pytest.mark.parametrize(
    "seen", ["unknown", "_hidden", f"{CALLER}:443", "[2001:db8::1]:443", "1.2.3", "a b", "é", "\0"]
)
def test_is_empty_for_what_is_no_address(settings: Settings, seen: str) -> None:
    settings.TRUSTED_PROXIES = 1
    assert address(f"{CLAIMED}, {seen}") == ""


@pytest.mark.parametrize("socket", ["", "unix:/run/todo.sock"])
def test_is_empty_for_a_socket_that_is_a_file(settings: Settings, socket: str) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address(None, socket) == ""


def test_is_written_in_one_way(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address(None, "2001:DB8:0:0::1") == address(None, "2001:db8::1") == "2001:db8::1"


def test_is_the_sockets_where_the_proxy_said_nothing(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    assert address(None) == address("") == SOCKET
