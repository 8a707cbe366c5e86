"""Better Auth's cookies: their names, their signature, and how they are read from a request.

A signed value is ``encodeURIComponent(value + "." + base64(HMAC-SHA256(secret, value)))``: the standard alphabet with
padding, so the signature is always 44 characters that end in "=".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest

# More values of one name than a browser and a tossed cookie or two would send are not looked at.
MAX_VALUES = 4


def _signature(value: str) -> bytes:
    return base64.b64encode(hmac.digest(settings.BETTER_AUTH_SECRET.encode(), value.encode(), hashlib.sha256))


def sign(value: str) -> str:
    """The cookie value that carries ``value``, percent-encoded as it goes over the wire."""
    return quote(f"{value}.{_signature(value).decode()}", safe="")


def unsign(raw: str) -> str | None:
    """The value inside a raw cookie value, or None if it was not signed with our secret. Never raises."""
    value, _, signature = unquote(raw.strip('"')).rpartition(".")
    try:
        genuine = hmac.compare_digest(_signature(value), signature.encode())
    except ValueError:  # a half of a surrogate pair
        return None
    return value if value and genuine and "\0" not in value else None


def is_secure(request: HttpRequest) -> bool:
    """Whether cookies carry ``__Secure-``: the Better Auth server's scheme decides, without one the request's."""
    if settings.BETTER_AUTH_URL:
        return urlsplit(settings.BETTER_AUTH_URL).scheme == "https"
    return request.is_secure()


def cookie_name(request: HttpRequest, cookie: str) -> str:
    """The full name of ``session_token``, ``dont_remember`` or ``session_data``."""
    return prefixed(cookie, secure=is_secure(request))


def prefixed(cookie: str, *, secure: bool) -> str:
    return f"{'__Secure-' if secure else ''}{settings.BETTER_AUTH_COOKIE_PREFIX}.{cookie}"


def signed_values(request: HttpRequest, cookie: str) -> list[str]:
    """The genuine values of one cookie, in the order sent.

    Read from the header itself: Django keeps only the last of several cookies of one name, so that a forged one, set
    from a sibling domain, would hide the real one.
    """
    name = cookie_name(request, cookie)
    pairs = (pair.strip().partition("=") for pair in request.META.get("HTTP_COOKIE", "").split(";"))
    values = (unsign(raw) for key, _, raw in pairs if key == name)
    return list(dict.fromkeys(value for value in values if value))[:MAX_VALUES]
