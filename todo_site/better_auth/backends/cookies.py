"""The cookies that the remote backend forwards between the browser and the Better Auth server."""

from __future__ import annotations

import logging
from http.cookies import CookieError, Morsel
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger(__name__)


class RawCookie(Morsel[str]):
    """A Set-Cookie line of the server, unchanged. It can contain attributes that http.cookies does not know."""

    def __init__(self, line: str) -> None:
        super().__init__()
        name, _, rest = line.partition("=")
        value = rest.partition(";")[0].strip()
        self.set(name.strip(), value, value)
        self.line = line

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802  http.cookies' name
        return self.line


def get_auth_cookies(request: HttpRequest) -> str:
    """Return the Better Auth cookies of the request as a raw Cookie header. The server must not see other cookies."""
    prefix = f"{settings.BETTER_AUTH_COOKIE_PREFIX}."
    pairs = (pair.strip() for pair in request.META.get("HTTP_COOKIE", "").split(";"))
    return "; ".join(pair for pair in pairs if pair.startswith((prefix, f"__Secure-{prefix}")))


def forward_cookies(lines: list[str], response: HttpResponseBase) -> None:
    """Add Set-Cookie lines to the response. Lines with the same name are kept: they can be for different domains."""
    for line in lines:
        try:
            cookie = RawCookie(line)
        except CookieError:
            logger.warning("Better Auth server sent a cookie with an invalid name")
            continue
        is_first = cookie.key not in response.cookies
        dict.__setitem__(response.cookies, cookie.key if is_first else line, cookie)
