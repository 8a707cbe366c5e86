"""Better Auth's sessions: look up users, start, extend and end sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from . import signed_cookies
from .fields import random_token
from .models import Session, User

LIFETIME = timedelta(days=7)
LIFETIME_NOT_REMEMBERED = timedelta(days=1)
EXTEND_AFTER = timedelta(days=1)
FRESH_FOR = timedelta(minutes=10)

# "user".* instead of columns, because plugins of Better Auth can add columns, such as those of a ban.
SELECT_WITH_SESSION = """
SELECT st."user_id" IS NOT NULL, s."id", s."token", s."expiresAt", s."updatedAt", u.*
FROM "session" s JOIN "user" u ON u."id" = s."userId" LEFT JOIN "staff" st ON st."user_id" = u."id"
WHERE s."token" IN ({placeholders}) AND s."expiresAt" >= %s
"""
SELECT_BY_ID = """
SELECT st."user_id" IS NOT NULL, u.* FROM "user" u LEFT JOIN "staff" st ON st."user_id" = u."id" WHERE u."id" = %s
"""


def find_user_by_token(tokens: list[str]) -> User | None:
    """Return the user of the first token with a live session, and set ``user.session``."""
    if not tokens:
        return None
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(SELECT_WITH_SESSION.format(placeholders=", ".join(["%s"] * len(tokens))), [*tokens, now])
        names = [column[0] for column in cursor.description][5:]
        found = {row[2]: row for row in cursor.fetchall()}
    for token in tokens:
        if token not in found:
            continue
        is_staff, session_id, _token, expires_at, updated_at, *values = found[token]
        if user := read_user(dict(zip(names, values, strict=True)), is_staff=is_staff):
            user.session = Session(
                id=str(session_id),
                token=token,
                expires_at=make_aware(expires_at),
                updated_at=make_aware(updated_at),
                user=user,
            )
            return user
    return None


def find_user_by_id(user_id: str) -> User | None:
    """Return the user, or None if there is none or the user is banned."""
    try:
        key = User._meta.pk.get_db_prep_value(user_id, connection)
    except EmptyResultSet:
        return None
    with connection.cursor() as cursor:
        cursor.execute(SELECT_BY_ID, [key])
        names = [column[0] for column in cursor.description][1:]
        row = cursor.fetchone()
    return row and read_user(dict(zip(names, row[1:], strict=True)), is_staff=row[0])


def read_user(row: dict[str, Any], *, is_staff: bool) -> User | None:
    """Return a User from a row of Better Auth's "user" table, or None if the user is banned now."""
    if row.get("banned") and ((until := row.get("banExpires")) is None or make_aware(until) > timezone.now()):
        return None
    values = {field: row[str(field.column)] for field in User._meta.concrete_fields}
    converted = [
        str(value) if field.primary_key else make_aware(value) if isinstance(value, datetime) else value
        for field, value in values.items()
    ]
    user = User.from_db(connection.alias, [field.attname for field in values], converted)
    user.is_staff = bool(is_staff)
    return user


def make_aware(value: datetime) -> datetime:
    """Add UTC to a time without a zone, as raw SQL on SQLite returns it."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def start(request: HttpRequest, response: HttpResponseBase, user: User, address: str, *, remember: bool) -> None:
    """Create a session and add its cookies to the response."""
    now = timezone.now()
    session = Session.objects.create(
        id=Session._meta.get_field("id").generate(),
        token=random_token(),
        user=user,
        expires_at=now + (LIFETIME if remember else LIFETIME_NOT_REMEMBERED),
        created_at=now,
        updated_at=now,
        ip_address=address,
        user_agent=request.headers.get("User-Agent", ""),
    )
    set_cookie(request, response, "session_token", session.token, LIFETIME if remember else None)
    if not remember:
        set_cookie(request, response, "dont_remember", "true", None)
    elif signed_cookies.get_cookie_name(request, "dont_remember") in request.COOKIES:
        expire_cookie(request, response, "dont_remember")


def needs_extension(session: Session, now: datetime) -> bool:
    """Return whether a session is more than a day into its lifetime."""
    return session.expires_at - LIFETIME + EXTEND_AFTER <= now


def extend(request: HttpRequest, response: HttpResponseBase, session: Session) -> None:
    """Renew the lifetime of a session once a day, unless the user chose not to be remembered."""
    now = timezone.now()
    if not needs_extension(session, now) or "true" in signed_cookies.get_signed_values(request, "dont_remember"):
        return
    # Of concurrent requests, only one finds the row unchanged and updates it.
    rows = Session.objects.filter(pk=session.pk, updated_at=session.updated_at)
    if rows.update(expires_at=now + LIFETIME, updated_at=now):
        set_cookie(request, response, "session_token", session.token, LIFETIME)


def end(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the session of the request and expire its cookies."""
    Session.objects.filter(token__in=signed_cookies.get_signed_values(request, "session_token")).delete()
    for cookie in ("session_token", "session_data", "dont_remember"):
        expire_cookie(request, response, cookie)


def get_current_id(request: HttpRequest) -> str | None:
    """Return the id of the session of the request, or None for a request with a bearer token."""
    session: Session | None = getattr(request.user, "session", None)
    return session.pk if session else None


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the user has signed in within the last ten minutes. Extending a session does not count."""
    return Session.objects.filter(pk=get_current_id(request), created_at__gt=timezone.now() - FRESH_FOR).exists()


def set_cookie(
    request: HttpRequest, response: HttpResponseBase, cookie: str, value: str, lifetime: timedelta | None
) -> None:
    write_cookie(request, response, cookie, signed_cookies.sign(value), lifetime)


def expire_cookie(request: HttpRequest, response: HttpResponseBase, cookie: str) -> None:
    write_cookie(request, response, cookie, "", timedelta(0))


def write_cookie(
    request: HttpRequest, response: HttpResponseBase, cookie: str, raw: str, lifetime: timedelta | None
) -> None:
    name = signed_cookies.get_cookie_name(request, cookie)
    if name in response.cookies:
        return  # the Better Auth server has set this cookie itself
    response.set_cookie(
        name,
        raw,
        max_age=lifetime,
        domain=settings.BETTER_AUTH_COOKIE_DOMAIN or None,
        secure=signed_cookies.is_secure(request),
        httponly=True,
        samesite="Lax",
    )
