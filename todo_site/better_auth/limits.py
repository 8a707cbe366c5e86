"""How often somebody may try: counted in the database, so that all workers count together."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from django.db import connection
from django.utils import timezone

from .models import RateLimit
from .refusals import LimitReached

# One statement counts and answers, so two workers cannot both take the last try.
HIT = """
INSERT INTO rate_limit (key, count, expires_at) VALUES (%(key)s, 1, %(end)s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN rate_limit.expires_at <= %(now)s THEN 1 ELSE rate_limit.count + 1 END,
    expires_at = CASE WHEN rate_limit.expires_at <= %(now)s THEN excluded.expires_at ELSE rate_limit.expires_at END
RETURNING count, expires_at
"""


@dataclass(frozen=True)
class Limit:
    """At most ``tries`` in ``seconds``, for each subject of its own."""

    name: str
    tries: int
    seconds: int

    def key(self, subject: str) -> str:
        # Hashed: an address or an e-mail has no business in a table that outlives the try.
        return hashlib.sha256(f"{self.name}:{subject}".encode(errors="replace")).hexdigest()

    def hit(self, subject: str) -> None:
        """Count a try. Raises LimitReached when it is one too many; a refused try does not lengthen the wait."""
        now = timezone.now()
        adapt = connection.ops.adapt_datetimefield_value
        times = {"now": adapt(now), "end": adapt(now + timedelta(seconds=self.seconds))}
        with connection.cursor() as cursor:
            cursor.execute(HIT, {"key": self.key(subject), **times})
            count, expires_at = cursor.fetchone()
        if count == 1:
            RateLimit.objects.filter(expires_at__lt=now).delete()
        if count > self.tries:
            raise LimitReached(max(1, ceil((as_datetime(expires_at) - now).total_seconds())))

    def forget(self, subject: str) -> None:
        RateLimit.objects.filter(key=self.key(subject)).delete()


def as_datetime(value: datetime | str) -> datetime:
    """SQLite's RETURNING gives the text of a time, in UTC."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def network_of(address: str) -> str:
    """What an address is counted by: IPv4 whole, IPv6 by its /64, which one household has all of."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
