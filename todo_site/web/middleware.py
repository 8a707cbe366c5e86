from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from todo_site.operations import metrics

from . import wsgi_guard
from .error_views import error_page

type GetResponse = Callable[[HttpRequest], HttpResponseBase]

access = logging.getLogger("todo_site.access")


class RequestIdMiddleware:
    """Gives each request an id, which its error page, its log lines and the X-Request-ID header carry."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class AccessMiddleware:
    """Counts each request and writes a line for it: what was asked for and how it went, never who asked or what for.

    The time of an answer that is streamed ends where its stream begins.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = perf_counter()
        response = self.get_response(request)
        seconds = perf_counter() - start
        metrics.count_request(request, response, seconds)
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "milliseconds": round(seconds * 1000, 1),
        }
        if "Content-Length" in response.headers:
            fields["bytes"] = int(response.headers["Content-Length"])
        access.info("Request", extra={"request": request, "fields": fields})
        return response


class BodySizeMiddleware:
    """Refuses a body that is too large before a byte of it is read, files included, for which Django has no limit."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.REQUEST_MAX_BYTES:
            raise RequestDataTooBig("The body is larger than REQUEST_MAX_BYTES.")
        return self.get_response(request)


class MethodMiddleware:
    """Refuses what no page is asked by, for everybody and everywhere: the admin's views would take it for GET."""

    METHODS = ["GET", "HEAD", "POST"]

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request) if request.method in self.METHODS else HttpResponseNotAllowed(self.METHODS)


class ContentTypeMiddleware:
    """Says in words that a form came in a shape, or in an encoding, in which no page of this site sends one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if wsgi_guard.REFUSED not in request.META:
            return self.get_response(request)
        title, words = (
            _("That is no form of this site"),
            _("Nothing was saved. Send forms as a browser does, in UTF-8."),
        )
        return error_page(request, 415, title, words)


class PrivateMiddleware:
    """No page is kept by any cache, so that nothing is shown after signing out or to somebody else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("X-Robots-Tag", "noindex")
        patch_vary_headers(response, ["Cookie"])
        return response


class PolicyMiddleware:
    """Forbids to every page what none of them needs, and to other sites the use of what is served here."""

    HEADERS = {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "browsing-topics",
                "camera",
                "display-capture",
                "encrypted-media",
                "geolocation",
                "gyroscope",
                "hid",
                "idle-detection",
                "local-fonts",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "publickey-credentials-get",
                "screen-wake-lock",
                "serial",
                "usb",
                "window-management",
                "xr-spatial-tracking",
            )
        ),
    }

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for header, value in self.HEADERS.items():
            response.headers.setdefault(header, value)
        return response
