"""A signed cookie that mirrors the preferences, so that a page need not ask the database how it is to look.

It is believed for the user it was made for and for an hour: then, or where another browser has none, one statement
reads the row again. Nothing but the look of pages hangs on it.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from .models import Preferences

SALT = "todo_site.preferences"
LIFETIME = timedelta(hours=1)
FIELDS = [field.attname for field in Preferences._meta.concrete_fields]


def read(request: HttpRequest) -> Preferences | None:
    """The preferences that the request brings along; None if it brings none that were made here."""
    try:
        values = signing.loads(request.COOKIES.get(settings.PREFERENCES_COOKIE_NAME, ""), salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return Preferences(**values) if sorted(values) == sorted(FIELDS) else None  # else of another version


def write(response: HttpResponseBase, preferences: Preferences) -> None:
    values = {name: getattr(preferences, name) for name in FIELDS}
    response.set_cookie(
        settings.PREFERENCES_COOKIE_NAME,
        signing.dumps(values, salt=SALT),
        max_age=LIFETIME,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
