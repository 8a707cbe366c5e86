from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from .row_level_security import scoped_to


class RowSecurityMiddleware:
    """Runs each view behind the database's own wall, as seen by the user who is asking.

    The views of this app run behind it with every statement; others with those that name an owned table. The admin
    works for staff, across users, and stays outside; of one user's tasks it makes a scope of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with scoped_to(lambda: request.user.id or "", every_statement=False) as scope:
            request.row_level_security_scope = scope  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        found = request.resolver_match
        request.row_level_security_scope.every_statement = found is not None and found.app_name == "tasks"  # type: ignore[attr-defined]
        request.row_level_security_scope.for_staff = found is not None and found.app_name == "admin"  # type: ignore[attr-defined]
