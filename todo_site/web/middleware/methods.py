from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from . import GetResponse


class AllowedMethodsMiddleware:
    """Reject methods that no view supports. The admin's views would handle them like GET."""

    METHODS = ["GET", "HEAD", "POST"]

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request) if request.method in self.METHODS else HttpResponseNotAllowed(self.METHODS)
