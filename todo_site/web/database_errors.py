"""What happens when the database is unavailable: a few quick retries, then an error page that keeps submitted text."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, connection
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from .middleware import GetResponse

READ_ONLY = "25006"  # SQLSTATE of a replica in recovery
RETRY_DELAYS = (0.2, 0.6)
# After this many seconds the attempts have already waited for a connection. Another one would only add delay.
MAX_SECONDS = 1.0


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether an error means that the database cannot be reached or cannot be written to by this connection."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == READ_ONLY
    if isinstance(error, NotSupportedError):  # a plugin of Better Auth added a column to a prepared SELECT *
        return "cached plan" in str(error)
    return isinstance(error, OperationalError | InterfaceError)


def idempotent[View: Callable[..., Any]](view: View) -> View:
    """Mark a view whose POST can run twice, because it contains the new id, the version or the final state."""
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
    """Retry a request on a new connection if its connection was lost.

    This replaces a health check of the connection before each request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = monotonic()
        response = self.get_response(request)
        for delay in RETRY_DELAYS:
            failed = getattr(response, "database_unavailable", False)
            if not failed or not can_retry(request) or monotonic() - start > MAX_SECONDS:
                break
            sleep(delay)
            connection.close()
            request.__dict__.pop("_cached_user", None)  # the failed attempt could not look up the user
            response = self.get_response(request)
        return response
