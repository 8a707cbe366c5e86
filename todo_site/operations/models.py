from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class CanaryFinding(models.Model):
    """A route that showed one canary account data of the other. /readyz returns 503 while there is one."""

    found_at = models.DateTimeField(db_default=Now())
    route = models.TextField()

    class Meta:
        db_table = "canary_finding"

    def __str__(self) -> str:
        return self.route
