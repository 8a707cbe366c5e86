from __future__ import annotations

import logging
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase

from todo_site.web.middleware import GetResponse

from . import metrics

logger = logging.getLogger("todo_site.access")


class AccessLogMiddleware:
    """Log each request and count it in the metrics, without the user and the query string.

    The time of a streaming response does not include its content.
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
        logger.info("Request", extra={"request": request, "fields": fields})
        return response
