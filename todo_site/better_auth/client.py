"""The Better Auth server's HTTP API: a function per kind of call, a typed reply, time-outs, one exception.

There is no cookie jar: a reply's cookies go to the person who asked and to nobody after them. Nothing is sent twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any

import urllib3
from django.conf import settings

from .exceptions import AuthServerUnavailable

TIMEOUT = urllib3.Timeout(connect=2, read=8)
MAX_BODY = 1_000_000
# Node closes a connection after five idle seconds; a POST on one that is just closing would be lost.
MAX_IDLE = 4


@dataclass(frozen=True)
class ClientInfo:
    """On whose behalf a call is made: the browser's raw cookies, its one IP address and its User-Agent."""

    cookies: str
    address: str
    user_agent: str


@dataclass(frozen=True)
class Reply:
    """The server's answer. ``set_cookies`` are whole Set-Cookie lines; ``body`` is {} where there was no object."""

    status: int
    body: dict[str, Any]
    set_cookies: list[str]
    retry_after: int

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


def fresh[P: type[urllib3.HTTPConnectionPool]](kind: P) -> P:
    """A kind of pool that uses no connection which was idle for so long that the other side may be closing it."""

    class Fresh(kind):  # type: ignore[misc, valid-type]
        def _put_conn(self, conn: Any) -> None:
            if conn is not None:
                conn.idle_since = monotonic()
            super()._put_conn(conn)

        def _get_conn(self, timeout: float | None = None) -> Any:
            conn = super()._get_conn(timeout)
            if monotonic() - getattr(conn, "idle_since", monotonic()) > MAX_IDLE:
                conn.close()  # it opens itself again
            return conn

    return Fresh  # type: ignore[return-value]


@cache
def pool() -> urllib3.PoolManager:
    manager = urllib3.PoolManager(maxsize=32, retries=False, timeout=TIMEOUT)
    manager.pool_classes_by_scheme = {
        "http": fresh(urllib3.HTTPConnectionPool),
        "https": fresh(urllib3.HTTPSConnectionPool),
    }
    return manager


def post(path: str, body: dict[str, Any], client_info: ClientInfo) -> Reply:
    """POST to ``/api/auth`` + path for somebody. Raises AuthServerUnavailable; a refusal is a Reply like any other."""
    headers = {
        "Content-Type": "application/json",
        "Origin": settings.BETTER_AUTH_URL,
        "User-Agent": client_info.user_agent,
    }
    if client_info.address:
        headers["X-Forwarded-For"] = client_info.address
    if client_info.cookies:
        headers["Cookie"] = client_info.cookies
    return send("POST", path, headers, json.dumps(body).encode())


def get(path: str) -> Reply:
    """GET from ``/api/auth`` + path, for nobody in particular. Raises AuthServerUnavailable."""
    return send("GET", path, {}, None)


def send(method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
    try:
        response = pool().request(
            method,
            f"{settings.BETTER_AUTH_URL}/api/auth{path}",
            headers={"Accept": "application/json", **headers},
            body=body,
            redirect=False,
            preload_content=False,
        )
        content = response.read(MAX_BODY + 1, decode_content=True)
        if len(content) <= MAX_BODY:
            response.release_conn()
        else:
            response.close()
    except urllib3.exceptions.HTTPError as error:
        raise AuthServerUnavailable(f"{method} {path}: {type(error).__name__}") from None
    if response.status >= 500 or len(content) > MAX_BODY:
        raise AuthServerUnavailable(f"{method} {path}: {response.status}, {len(content)} bytes")
    return Reply(
        status=response.status,
        body=parse(content, f"{method} {path}: {response.status}"),
        set_cookies=response.headers.getlist("Set-Cookie"),
        retry_after=seconds(response.headers.get("X-Retry-After") or response.headers.get("Retry-After")),
    )


def parse(content: bytes, what: str) -> dict[str, Any]:
    if not content:
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise AuthServerUnavailable(f"{what}: no JSON") from None
    return body if isinstance(body, dict) else {}


def seconds(text: str | None) -> int:
    return min(max(int(text[:9]), 1), 3600) if text and text.isascii() and text.isdigit() else 10
