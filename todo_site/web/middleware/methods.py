from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from . import GetResponse


class MethodMiddleware:
    """Refuses what no page is asked by, for everybody and everywhere: the admin's views would take it for GET."""

    METHODS = ["GET", "HEAD", "POST"]

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request) if request.method in self.METHODS else HttpResponseNotAllowed(self.METHODS)
