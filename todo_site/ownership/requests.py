from __future__ import annotations

from typing import Protocol

from django.http import HttpRequest


class Owner(Protocol):
    id: str


class OwnerRequest(HttpRequest):
    """A request of a signed-in user. LoginRequiredMiddleware lets no other one through."""

    user: Owner  # type: ignore[assignment]
