"""When the database is away: a quick second try where that is harmless, then a page that says so and keeps the text."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError, connection
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

READ_ONLY = "25006"  # a replica in recovery
WAITS = (0.2, 0.6)
# A try that took this long has waited for a connection already; a further one would only keep the person waiting.
PATIENCE = 1.0


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database could not be reached, or could not write, when this was raised."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)


def idempotent[View: Callable[..., Any]](view: View) -> View:
    """Marks a view whose POST may be run twice: it carries the id, the version or the wanted state."""
    view.idempotent = True  # type: ignore[attr-defined]
    return view


def can_retry(request: HttpRequest) -> bool:
    if request.method in {"GET", "HEAD"}:
        return True
    try:
        return getattr(resolve(request.path_info).func, "idempotent", False)
    except Resolver404:
        return False


class DatabaseErrorMiddleware:
    """Runs a request whose connection was dropped again on a new one: so none has to be tested before its use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = monotonic()
        response = self.get_response(request)
        for wait in WAITS:
            is_away = getattr(response, "database_unavailable", False)
            if not is_away or not can_retry(request) or monotonic() - start > PATIENCE:
                break
            sleep(wait)
            connection.close()
            request.__dict__.pop("_cached_user", None)  # who is asking could not be looked up
            response = self.get_response(request)
        return response
