"""Better Auth's sessions: whose a token is, how long it lasts, and its cookies."""

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
REFRESH_AFTER = timedelta(days=1)
FRESH = timedelta(minutes=10)

# One statement says who is asking. "user".* and not a list of columns: Better Auth's plugins add columns that may or
# may not be there, and a ban is one of them.
SELECT_WITH_SESSION = """
SELECT st."user_id" IS NOT NULL, s."id", s."token", s."expiresAt", s."updatedAt", u.*
FROM "session" s JOIN "user" u ON u."id" = s."userId" LEFT JOIN "staff" st ON st."user_id" = u."id"
WHERE s."token" IN ({places}) AND s."expiresAt" >= %s
"""
SELECT_BY_ID = """
SELECT st."user_id" IS NOT NULL, u.* FROM "user" u LEFT JOIN "staff" st ON st."user_id" = u."id" WHERE u."id" = %s
"""


def find_by_token(tokens: list[str]) -> User | None:
    """The user of the first token that has a live session, with ``user.session`` set; None if there is none."""
    if not tokens:
        return None
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(SELECT_WITH_SESSION.format(places=", ".join(["%s"] * len(tokens))), [*tokens, now])
        names = [column[0] for column in cursor.description][5:]
        found = {row[2]: row for row in cursor.fetchall()}
    for token in tokens:
        if token not in found:
            continue
        is_staff, session_id, _token, expires_at, updated_at, *values = found[token]
        if user := read_user(dict(zip(names, values, strict=True)), is_staff=is_staff):
            user.session = Session(
                id=str(session_id), token=token, expires_at=aware(expires_at), updated_at=aware(updated_at), user=user
            )
            return user
    return None


def find_by_id(user_id: str) -> User | None:
    """The user with this id; None if there is none, or they are banned."""
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
    """A row of Better Auth's "user" table as a User; None for somebody who is banned at this moment."""
    if row.get("banned") and ((until := row.get("banExpires")) is None or aware(until) > timezone.now()):
        return None
    values = {field: row[str(field.column)] for field in User._meta.concrete_fields}
    converted = [
        str(value) if field.primary_key else aware(value) if isinstance(value, datetime) else value
        for field, value in values.items()
    ]
    user = User.from_db(connection.alias, [field.attname for field in values], converted)
    user.is_staff = bool(is_staff)
    return user


def aware(value: datetime) -> datetime:
    """SQLite keeps times without a zone, in UTC."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def start(request: HttpRequest, response: HttpResponseBase, user: User, address: str, *, remember: bool) -> None:
    """Make a session row for ``user`` and put its cookies on the response."""
    now = timezone.now()
    session = Session.objects.create(
        id=Session._meta.get_field("id").new_value(),
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
    elif signed_cookies.cookie_name(request, "dont_remember") in request.COOKIES:
        expire_cookie(request, response, "dont_remember")


def is_due(session: Session, now: datetime) -> bool:
    """Whether a session in use is to be extended: once a day, when six days or less are left."""
    return session.expires_at - LIFETIME + REFRESH_AFTER <= now


def extend(request: HttpRequest, response: HttpResponseBase, session: Session) -> None:
    """Give a session that is due its seven days again, unless it asked not to be remembered."""
    now = timezone.now()
    if not is_due(session, now) or "true" in signed_cookies.signed_values(request, "dont_remember"):
        return
    # Conditional on what was read: of many requests at once one writes.
    rows = Session.objects.filter(pk=session.pk, updated_at=session.updated_at)
    if rows.update(expires_at=now + LIFETIME, updated_at=now):
        set_cookie(request, response, "session_token", session.token, LIFETIME)


def end(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the session that the request came with and expire its cookies."""
    Session.objects.filter(token__in=signed_cookies.signed_values(request, "session_token")).delete()
    for cookie in ("session_token", "session_data", "dont_remember"):
        expire_cookie(request, response, cookie)


def current(request: HttpRequest) -> str | None:
    """The id of the session that the request came with; None for a request by token."""
    session: Session | None = getattr(request.user, "session", None)
    return session.pk if session else None


def is_fresh(request: HttpRequest) -> bool:
    """Whether somebody has just signed in, as one has to once more for what cannot be undone. Use extends no session's
    beginning, so that whoever finds a browser, or a cookie, does not come by a fresh one.
    """
    return Session.objects.filter(pk=current(request), created_at__gt=timezone.now() - FRESH).exists()


def set_cookie(
    request: HttpRequest, response: HttpResponseBase, cookie: str, value: str, lifetime: timedelta | None
) -> None:
    write_cookie(request, response, cookie, signed_cookies.sign(value), lifetime)


def expire_cookie(request: HttpRequest, response: HttpResponseBase, cookie: str) -> None:
    write_cookie(request, response, cookie, "", timedelta(0))


def write_cookie(
    request: HttpRequest, response: HttpResponseBase, cookie: str, raw: str, lifetime: timedelta | None
) -> None:
    name = signed_cookies.cookie_name(request, cookie)
    if name in response.cookies:
        return  # the server's own line, passed on, says it better
    response.set_cookie(
        name,
        raw,
        max_age=lifetime,
        domain=settings.BETTER_AUTH_COOKIE_DOMAIN or None,
        secure=signed_cookies.is_secure(request),
        httponly=True,
        samesite="Lax",
    )
