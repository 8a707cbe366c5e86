from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponseBase

from . import GetResponse


class RequestIdMiddleware:
    """Gives each request an id, which its error page, its log lines and the X-Request-ID header carry."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response
