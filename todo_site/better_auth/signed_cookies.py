"""Better Auth's cookies: their names and signatures, and how to read them from a request.

A signed value is ``encodeURIComponent(value + "." + base64(HMAC-SHA256(secret, value)))``. The alphabet is the standard
one with padding, so a signature has 44 characters and ends with "=".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest

# A browser sends one value per name, and one more for each cookie that a sibling domain has set.
MAX_VALUES = 4


def _compute_signature(value: str) -> bytes:
    return base64.b64encode(hmac.digest(settings.BETTER_AUTH_SECRET.encode(), value.encode(), hashlib.sha256))


def sign(value: str) -> str:
    """Return the percent-encoded cookie value."""
    return quote(f"{value}.{_compute_signature(value).decode()}", safe="")


def unsign(raw: str) -> str | None:
    """Return the value of a raw cookie, or None if its signature is wrong. Never raise an exception."""
    value, _, signature = unquote(raw.strip('"')).rpartition(".")
    try:
        is_valid = hmac.compare_digest(_compute_signature(value), signature.encode())
    except ValueError:  # a lone surrogate
        return None
    return value if value and is_valid and "\0" not in value else None


def is_secure(request: HttpRequest) -> bool:
    """Return whether cookies have the prefix ``__Secure-``: if the server, or without one the request, uses HTTPS."""
    if settings.BETTER_AUTH_URL:
        return urlsplit(settings.BETTER_AUTH_URL).scheme == "https"
    return request.is_secure()


def get_cookie_name(request: HttpRequest, cookie: str) -> str:
    """Return the full name of ``session_token``, ``dont_remember`` or ``session_data``."""
    return add_prefix(cookie, secure=is_secure(request))


def add_prefix(cookie: str, *, secure: bool) -> str:
    return f"{'__Secure-' if secure else ''}{settings.BETTER_AUTH_COOKIE_PREFIX}.{cookie}"


def get_signed_values(request: HttpRequest, cookie: str) -> list[str]:
    """Return the values of a cookie that have a valid signature, in the order of the header.

    Django keeps only the last cookie of each name. A forged one from a sibling domain would hide the real one.
    """
    name = get_cookie_name(request, cookie)
    pairs = (pair.strip().partition("=") for pair in request.META.get("HTTP_COOKIE", "").split(";"))
    values = (unsign(raw) for key, _, raw in pairs if key == name)
    return list(dict.fromkeys(value for value in values if value))[:MAX_VALUES]
