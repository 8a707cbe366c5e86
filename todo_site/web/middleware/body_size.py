from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase

from . import GetResponse


class BodySizeMiddleware:
    """Reject a body over REQUEST_MAX_BYTES before it is read. Django's own limit does not count files."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.REQUEST_MAX_BYTES:
            raise RequestDataTooBig("The request body is larger than REQUEST_MAX_BYTES.")
        return self.get_response(request)
