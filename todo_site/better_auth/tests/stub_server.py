"""A stub of the Better Auth server that gives any reply."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from pytest_django import Settings

from todo_site.better_auth import client as auth_client
from todo_site.tests.server import free_port

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

EMAIL, PASSWORD, NEW_PASSWORD = "alice@example.org", "correct horse battery", "staple of a new kind"
FORM = {"name": "Alice", "email": EMAIL, "password": PASSWORD}
PASSWORDS = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
SESSION, DONT_REMEMBER = "better-auth.session_token", "better-auth.dont_remember"
GOOD = {"redirect": False, "token": "T", "user": {"name": "Alice", "email": EMAIL}}
UNAVAILABLE = "The account service is temporarily unavailable. Try again in a few minutes."
ENTER = ["/sign-in/", "/sign-up/"]


def raw(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """An answer as it goes over the wire; ``length`` is a Content-Length that is not the body's."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answer(body: Any, *headers: str, status: int = 200) -> bytes:
    return raw(json.dumps(body).encode(), f"{status} Said So", "Content-Type: application/json", *headers)


def refusal(status: int, code: str, message: str = "So it is") -> bytes:
    return answer({"code": code, "message": message}, status=status)


@dataclass
class Seen:
    """A request that reached the stub."""

    path: str
    headers: Message
    body: dict[str, Any]


@dataclass
class Stub:
    """A server at ``url`` that gives the same answer to everything, and notes what it was asked."""

    url: str = ""
    answer: bytes = answer(GOOD)
    hangs_up: bool = False
    connections: int = 0
    seen: list[Seen] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)


def forget_connections() -> None:
    """Close what other tests left open, and let the next call read the time-outs anew."""
    auth_client.get_pool().clear()
    auth_client.get_pool.cache_clear()


def plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]+>", "", text)).strip()


def error_of_form(response: Response) -> str:
    """What the page says about the whole form."""
    summary = re.search(r'<div class="summary".*?</div>', response.text, re.DOTALL)
    assert summary, response.text
    return "\n".join(plain(line) for line in re.findall("<li>(?!<a)(.*?)</li>", summary[0]))


def away(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BETTER_AUTH_URL = f"http://127.0.0.1:{free_port()}"


def slow(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_client, "TIMEOUT", urllib3.Timeout(connect=2, read=0.05))
    stub.may_answer.clear()


def says(said: bytes, *, hangs_up: bool = False) -> Callable[[Stub, Settings, pytest.MonkeyPatch], None]:
    def fault(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        stub.answer, stub.hangs_up = said, hangs_up

    return fault


HTML = b"<!doctype html><title>Welcome</title>"
SESSION_LINE = f"Set-Cookie: {SESSION}=stolen; Path=/"
BIG = json.dumps(GOOD).encode() + b" " * 2_000_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTS: dict[str, Callable[[Stub, Settings, pytest.MonkeyPatch], None]] = {
    "away": away,
    "slow": slow,
    "hanging up": says(b"", hangs_up=True),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n", hangs_up=True),
    "no JSON": says(raw(b'{"token":', "200 OK", SESSION_LINE)),
    "JSON that is no UTF-8": says(raw(b'{"token":"\xff"}', "200 OK", SESSION_LINE)),
    "JSON that is too deep": says(raw(b"[" * 200_000, "200 OK", SESSION_LINE)),
    "an array": says(answer([GOOD], SESSION_LINE)),
    "null": says(answer(None, SESSION_LINE)),
    "an empty 200": says(raw(b"", "200 OK", SESSION_LINE)),
    "204": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "HTML": says(raw(HTML, "200 OK", "Content-Type: text/html", SESSION_LINE)),
    "2 MB": says(raw(BIG, "200 OK", SESSION_LINE)),
    "2 MB in chunks": says(CHUNKED + f"{len(BIG):X}\r\n".encode() + BIG + b"\r\n0\r\n\r\n"),
    "a body that breaks off": says(raw(b"{}", "200 OK", SESSION_LINE, length=9), hangs_up=True),
    "chunks that break off": says(CHUNKED + b"9\r\n{}", hangs_up=True),
    "chunks of no size": says(CHUNKED + b"nine\r\n{}\r\n", hangs_up=True),
    "a broken encoding": says(raw(b"{}", "200 OK", "Content-Encoding: gzip", SESSION_LINE)),
    "an empty 500": says(raw(b"", "500 Internal Server Error")),
    "500 with words": says(refusal(500, "INVALID_EMAIL_OR_PASSWORD")),
    "502 with HTML": says(raw(HTML, "502 Bad Gateway", "Content-Type: text/html")),
    "an empty 404": says(raw(b"", "404 Not Found")),
    "an empty 403": says(raw(b"", "403 Forbidden")),
    "403 with HTML": says(raw(HTML, "403 Forbidden", "Content-Type: text/html")),
    "400 without a code": says(answer({"message": "No"}, status=400)),
    "415": says(refusal(415, "UNSUPPORTED_MEDIA_TYPE")),
}


LINES = [
    f"{SESSION}={'T' * 32}.9IutsG7%2BsmZx%2Fjk%3D; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Partitioned",
    f"{DONT_REMEMBER}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.session_data.0=eyJ.a-b_c; Max-Age=300;  path=/;httponly;   Priority=High; SameParty",
    f"{SESSION}=; Max-Age=0; Domain=example.org; Path=/",
    f"{SESSION}=; Max-Age=0; Domain=todo.example.org; Path=/",
    'a="quoted, with; a comma"; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    "b=%2B%2F%3D+/==; Path=/",
    "__Host-c=1; Secure; Path=/",
]
