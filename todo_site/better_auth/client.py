"""A client for the HTTP API of the Better Auth server.

It has no cookie jar, because the cookies of a reply are for one user only. It never repeats a request.
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
MAX_BODY_BYTES = 1_000_000
# Node closes idle connections after five seconds. A POST on a connection that is closing would be lost.
MAX_IDLE_SECONDS = 4


@dataclass(frozen=True)
class ClientInfo:
    """The client that a request is made for: its raw Cookie header, IP address and User-Agent."""

    cookies: str
    address: str
    user_agent: str


@dataclass(frozen=True)
class Reply:
    """A reply of the server. ``set_cookies`` are whole Set-Cookie lines; ``body`` is {} if it was not an object."""

    status: int
    body: dict[str, Any]
    set_cookies: list[str]
    retry_after: int

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


def without_stale_connections[P: type[urllib3.HTTPConnectionPool]](pool_class: P) -> P:
    """Return a subclass of a pool that reopens connections after MAX_IDLE_SECONDS."""

    class FreshConnectionPool(pool_class):  # type: ignore[misc, valid-type]
        def _put_conn(self, conn: Any) -> None:
            if conn is not None:
                conn.idle_since = monotonic()
            super()._put_conn(conn)

        def _get_conn(self, timeout: float | None = None) -> Any:
            conn = super()._get_conn(timeout)
            if monotonic() - getattr(conn, "idle_since", monotonic()) > MAX_IDLE_SECONDS:
                conn.close()  # urllib3 reopens it
            return conn

    return FreshConnectionPool  # type: ignore[return-value]


@cache
def get_pool() -> urllib3.PoolManager:
    manager = urllib3.PoolManager(maxsize=32, retries=False, timeout=TIMEOUT)
    manager.pool_classes_by_scheme = {
        "http": without_stale_connections(urllib3.HTTPConnectionPool),
        "https": without_stale_connections(urllib3.HTTPSConnectionPool),
    }
    return manager


def post(path: str, body: dict[str, Any], client_info: ClientInfo) -> Reply:
    """POST to ``/api/auth`` + path on behalf of a client. Raise AuthServerUnavailable, but not for status 4xx."""
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
    """GET ``/api/auth`` + path for this site itself. Raise AuthServerUnavailable."""
    return send("GET", path, {}, None)


def send(method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
    try:
        response = get_pool().request(
            method,
            f"{settings.BETTER_AUTH_URL}/api/auth{path}",
            headers={"Accept": "application/json", **headers},
            body=body,
            redirect=False,
            preload_content=False,
        )
        content = response.read(MAX_BODY_BYTES + 1, decode_content=True)
        if len(content) <= MAX_BODY_BYTES:
            response.release_conn()
        else:
            response.close()
    except urllib3.exceptions.HTTPError as error:
        raise AuthServerUnavailable(f"{method} {path}: {type(error).__name__}") from None
    if response.status >= 500 or len(content) > MAX_BODY_BYTES:
        raise AuthServerUnavailable(f"{method} {path}: {response.status}, {len(content)} bytes")
    return Reply(
        status=response.status,
        body=parse_body(content, f"{method} {path}: {response.status}"),
        set_cookies=response.headers.getlist("Set-Cookie"),
        retry_after=parse_seconds(response.headers.get("X-Retry-After") or response.headers.get("Retry-After")),
    )


def parse_body(content: bytes, request: str) -> dict[str, Any]:
    """Return a JSON object, or {} for other JSON. Raise AuthServerUnavailable; ``request`` describes it in the log."""
    if not content:
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise AuthServerUnavailable(f"{request}: no JSON") from None
    return body if isinstance(body, dict) else {}


def parse_seconds(text: str | None) -> int:
    """Return the value of a Retry-After header, between 1 and 3600. The default is 10."""
    return min(max(int(text[:9]), 1), 3600) if text and text.isascii() and text.isdigit() else 10
