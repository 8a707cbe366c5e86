from __future__ import annotations

from django.db import models


class RateLimitCounter(models.Model):
    """The number of attempts of one subject in the current window of a rate limit."""

    key = models.TextField(primary_key=True)
    count = models.IntegerField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "rate_limit"

    def __str__(self) -> str:
        return self.key
