"""How often somebody may ask: counted in the database, so that all workers count together."""

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

from .client_address import client_address
from .error_views import rate_limited

# One statement counts and answers, so two workers cannot both take the last try.
COUNT = """
INSERT INTO rate_limit (key, count, expires_at) VALUES (%(key)s, %(n)s, %(end)s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN rate_limit.expires_at <= %(now)s THEN %(n)s ELSE rate_limit.count + %(n)s END,
    expires_at = CASE WHEN rate_limit.expires_at <= %(now)s THEN excluded.expires_at ELSE rate_limit.expires_at END
RETURNING count, expires_at
"""


class RateLimitExceeded(Exception):
    """Too many tries. ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class RateLimit:
    """At most ``tries`` in ``seconds``, for each subject.

    A worker tells the database of ``step`` tries at once, so that what people do all day costs no statement; together
    the workers let through at most ``step - 1`` tries too many each.
    """

    name: str
    limit: int
    seconds: int
    step: int = 1

    @property
    def by_address(self) -> RateLimit:
        """For everybody at one address together."""
        tries = self.limit * PEOPLE_AT_ONE_ADDRESS
        return replace(self, name=f"{self.name} by address", limit=tries)

    def key(self, subject: str) -> str:
        # Hashed: an address or an e-mail has no business in a table that outlives the try.
        return hashlib.sha256(f"{self.name}:{subject}".encode(errors="replace")).hexdigest()

    def check(self, subject: str) -> None:
        """Count a try. Raises RateLimitExceeded when it is one too many; a refused try does not lengthen the wait."""
        key, now = self.key(subject), timezone.now()
        if not (tries := local_counter.take(key, self.step, now)):
            return
        count, expires_at = self.count(key, tries, now)
        if count > self.limit:
            if self.step > 1:
                local_counter.refuse(key, expires_at)
            raise RateLimitExceeded(seconds_until(expires_at, now))

    def count(self, key: str, tries: int, now: datetime) -> tuple[int, datetime]:
        """Tell the database of tries. Returns all of the present window, and its end."""
        adapt = connection.ops.adapt_datetimefield_value
        times = {"now": adapt(now), "end": adapt(now + timedelta(seconds=self.seconds))}
        with connection.cursor() as cursor:
            cursor.execute(COUNT, {"key": key, "n": tries, **times})
            count, expires_at = cursor.fetchone()
            if count == tries:  # a new window: the time to tidy up
                cursor.execute("DELETE FROM rate_limit WHERE expires_at < %s", [times["now"]])
        return count, as_datetime(expires_at)

    def forget(self, subject: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM rate_limit WHERE key = %s", [self.key(subject)])


class LocalCounter:
    """What this worker counted and has not told the database, and whom it knows to be refused."""

    MAX_SUBJECTS = 10_000  # subjects; whoever comes after that many begins anew

    def __init__(self) -> None:
        self.lock = Lock()
        self.untold: dict[str, int] = {}
        self.refused: dict[str, datetime] = {}

    def take(self, key: str, step: int, now: datetime) -> int:
        """Count a try; the number to tell the database, which is 0 until there are enough. Raises RateLimitExceeded."""
        with self.lock:
            if (end := self.refused.get(key)) is not None:
                if now < end:
                    raise RateLimitExceeded(seconds_until(end, now))
                del self.refused[key]
            tries = self.untold.pop(key, 0) + 1
            if tries >= step:
                return tries
            if len(self.untold) >= self.MAX_SUBJECTS:
                self.untold.clear()
            self.untold[key] = tries
            return 0

    def refuse(self, key: str, end: datetime) -> None:
        with self.lock:
            if len(self.refused) >= self.MAX_SUBJECTS:
                self.refused.clear()
            self.refused[key] = end

    def clear(self) -> None:
        self.untold.clear()
        self.refused.clear()


local_counter = LocalCounter()
PEOPLE_AT_ONE_ADDRESS = 10


def is_post(request: HttpRequest) -> bool:
    return request.method == "POST"


def is_safe(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"}


def rate_limit[View: Callable[..., Any]](
    limit: RateLimit, when: Callable[[HttpRequest], bool] = is_post
) -> Callable[[View], View]:
    """Marks a view of which a person, and an address, may ask only so often."""

    def mark(view: View) -> View:
        view.rate_limit, view.rate_limit_applies = limit, when  # type: ignore[attr-defined]
        return view

    return mark


class RateLimitMiddleware:
    """Refuses with 429 what a person, or an address, asks too often; before the view, which runs behind the wall."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
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
            limit.by_address.check(network_prefix(client_address(request)))
        except RateLimitExceeded as reached:
            return rate_limited(request, reached.retry_after)
        return None


def seconds_until(end: datetime, now: datetime) -> int:
    return max(1, ceil((end - now).total_seconds()))


def as_datetime(value: datetime | str) -> datetime:
    """SQLite's RETURNING gives the text of a time, in UTC."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def network_prefix(address: str) -> str:
    """What an address is counted by: IPv4 whole, IPv6 by its /64, which one household has all of."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
