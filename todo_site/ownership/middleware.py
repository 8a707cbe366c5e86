from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from .registry import owned_models
from .row_level_security import scoped_to


class RowLevelSecurityMiddleware:
    """Run each view under row-level security, as seen by the user of the request.

    Views of an app with owned models run under it with every statement, others with those that name an owned table.
    The admin works for staff, across users, and stays outside: for one user's rows it opens a scope of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.owning_apps = {model._meta.app_label for model in owned_models()}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with scoped_to(lambda: request.user.id or "", every_statement=False) as scope:
            request.row_level_security_scope = scope  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        app_name = request.resolver_match and request.resolver_match.app_name
        scope: Any = request.row_level_security_scope  # type: ignore[attr-defined]
        scope.every_statement = app_name in self.owning_apps
        scope.for_staff = app_name == "admin"
