from __future__ import annotations

from typing import Protocol

from django.http import HttpRequest, QueryDict


class Owner(Protocol):
    id: str


class OwnerRequest(HttpRequest):
    """A request of a signed-in user. LoginRequiredMiddleware lets no other one through."""

    user: Owner  # type: ignore[assignment]


def post_data(request: HttpRequest) -> QueryDict | None:
    """Return the data for a form whose view handles both GET and POST. None leaves the form unbound."""
    return request.POST if request.method == "POST" else None
