"""A signed cookie with a copy of the preferences: most requests need no query for them.

It is valid for one hour and for one user. Without a valid cookie, the preferences are read from the database.
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
    """Return the preferences in the request's cookie, None without a valid one."""
    try:
        values = signing.loads(request.COOKIES.get(settings.PREFERENCES_COOKIE_NAME, ""), salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    is_current = sorted(values) == sorted(FIELDS)  # another version of the site may have other fields
    return Preferences(**values) if is_current else None


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
