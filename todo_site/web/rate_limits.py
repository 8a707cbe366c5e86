"""Rate limits, counted in the database for all workers together."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from .client_address import get_client_address
from .error_views import rate_limited
from .middleware import GetResponse

# Counts and returns the count in one statement, so that two workers cannot both use the last attempt.
COUNT_SQL = """
INSERT INTO rate_limit (key, count, expires_at) VALUES (%(key)s, %(n)s, %(end)s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN rate_limit.expires_at <= %(now)s THEN %(n)s ELSE rate_limit.count + %(n)s END,
    expires_at = CASE WHEN rate_limit.expires_at <= %(now)s THEN excluded.expires_at ELSE rate_limit.expires_at END
RETURNING count, expires_at
"""
USERS_PER_ADDRESS = 10


class RateLimitExceeded(Exception):
    """Raised for an attempt over the limit. ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class RateLimit:
    """Allow ``limit`` attempts in ``seconds`` for each subject.

    A worker adds its attempts to the database in batches of ``step``, because frequent actions must not cost a
    statement each. So each worker can exceed the limit by up to ``step - 1`` attempts.
    """

    name: str
    limit: int
    seconds: int
    step: int = 1

    @property
    def by_address(self) -> RateLimit:
        """The limit for all users of one address together."""
        return replace(self, name=f"{self.name} by address", limit=self.limit * USERS_PER_ADDRESS)

    def get_key(self, subject: str) -> str:
        # Hashed, because the rows outlive the attempt and must not contain an address or e-mail address.
        return hashlib.sha256(f"{self.name}:{subject}".encode(errors="replace")).hexdigest()

    def check(self, subject: str) -> None:
        """Count an attempt. Raise RateLimitExceeded over the limit; rejected attempts do not extend the wait."""
        key, now = self.get_key(subject), timezone.now()
        if not (attempts := local_counter.add(key, self.step, now)):
            return
        count, expires_at = self.add_to_database(key, attempts, now)
        if count > self.limit:
            if self.step > 1:
                local_counter.reject_until(key, expires_at)
            raise RateLimitExceeded(seconds_until(expires_at, now))

    def add_to_database(self, key: str, attempts: int, now: datetime) -> tuple[int, datetime]:
        """Add attempts to the current window. Return their new total and the end of the window."""
        adapt = connection.ops.adapt_datetimefield_value
        times = {"now": adapt(now), "end": adapt(now + timedelta(seconds=self.seconds))}
        with connection.cursor() as cursor:
            cursor.execute(COUNT_SQL, {"key": key, "n": attempts, **times})
            count, expires_at = cursor.fetchone()
            if count == attempts:  # once per window
                cursor.execute("DELETE FROM rate_limit WHERE expires_at < %s", [times["now"]])
        return count, parse_datetime(expires_at)

    def forget(self, subject: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM rate_limit WHERE key = %s", [self.get_key(subject)])


class LocalCounter:
    """The attempts that this worker has not added to the database yet, and the keys that are over their limit."""

    MAX_KEYS = 10_000

    def __init__(self) -> None:
        self.lock = Lock()
        self.pending: dict[str, int] = {}
        self.rejected: dict[str, datetime] = {}

    def add(self, key: str, step: int, now: datetime) -> int:
        """Count an attempt. Return how many to add to the database: 0 until there are ``step`` of them.

        Raise RateLimitExceeded.
        """
        with self.lock:
            if (end := self.rejected.get(key)) is not None:
                if now < end:
                    raise RateLimitExceeded(seconds_until(end, now))
                del self.rejected[key]
            attempts = self.pending.pop(key, 0) + 1
            if attempts >= step:
                return attempts
            if len(self.pending) >= self.MAX_KEYS:
                self.pending.clear()
            self.pending[key] = attempts
            return 0

    def reject_until(self, key: str, end: datetime) -> None:
        with self.lock:
            if len(self.rejected) >= self.MAX_KEYS:
                self.rejected.clear()
            self.rejected[key] = end

    def clear(self) -> None:
        self.pending.clear()
        self.rejected.clear()


local_counter = LocalCounter()


def is_post(request: HttpRequest) -> bool:
    return request.method == "POST"


def is_safe(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"}


def rate_limit[View: Callable[..., Any]](
    limit: RateLimit, when: Callable[[HttpRequest], bool] = is_post
) -> Callable[[View], View]:
    """Limit the requests of each user, and of each address, to a view."""

    def decorate(view: View) -> View:
        view.rate_limit, view.rate_limit_applies = limit, when  # type: ignore[attr-defined]
        return view

    return decorate


class RateLimitMiddleware:
    """Return 429 over the limit of a view. This must run before row-level security limits the statements."""

    def __init__(self, get_response: GetResponse) -> None:
        if not settings.RATE_LIMITS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        limit: RateLimit | None = getattr(view, "rate_limit", None)
        if limit is None or not view.rate_limit_applies(request):
            return None
        try:
            limit.check(str(request.user.pk))
            limit.by_address.check(network_prefix(get_client_address(request)))
        except RateLimitExceeded as error:
            return rate_limited(request, error.retry_after)
        return None


def seconds_until(end: datetime, now: datetime) -> int:
    return max(1, ceil((end - now).total_seconds()))


def parse_datetime(value: datetime | str) -> datetime:
    """Return an aware datetime. RETURNING on SQLite returns text in UTC."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def network_prefix(address: str) -> str:
    """Return the whole IPv4 address, or the /64 network of an IPv6 address: one household has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
