from __future__ import annotations

import logging
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase

from todo_site.web.middleware import GetResponse

from . import metrics

access = logging.getLogger("todo_site.access")


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
