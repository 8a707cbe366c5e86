from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponseBase

from . import GetResponse


class RequestIdMiddleware:
    """Give each request an id for its error page, its log lines and the header X-Request-ID."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response
