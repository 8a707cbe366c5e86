from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class CanaryFinding(models.Model):
    """A route that showed one canary account something of the other's. While there is one, the site is not ready."""

    found_at = models.DateTimeField(db_default=Now())
    route = models.TextField()

    class Meta:
        db_table = "canary_finding"

    def __str__(self) -> str:
        return self.route
