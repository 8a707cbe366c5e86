"""The header Server-Timing: what a request cost. Only the signed-in user who made the request gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from .middleware import GetResponse


class RequestTimings:
    """The seconds that parts of one request took. An instance is also an execute_wrapper."""

    def __init__(self) -> None:
        self.start = perf_counter()
        self.statements = 0
        self.seconds = {"session": 0.0, "db": 0.0, "render": 0.0}
        self.running: set[str] = set()

    @property
    def total(self) -> float:
        return perf_counter() - self.start

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Add the time of the block to a part. A nested block of the same part is not counted twice."""
        if part in self.running:
            yield
            return
        self.running.add(part)
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += perf_counter() - start
            self.running.remove(part)

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.statements += 1
        with self.measure("db"):
            return execute(sql, params, many, context)

    def format_header(self) -> str:
        """Return the header's value. Parts overlap: looking up the session includes its database time."""
        descriptions = {"db": f';desc="statements: {self.statements}"'}
        parts = {**self.seconds, "total": self.total}
        return ", ".join(
            f"{part};dur={seconds * 1000:.1f}{descriptions.get(part, '')}" for part, seconds in parts.items()
        )


def measure(request: HttpRequest | None, part: str) -> AbstractContextManager[None]:
    timings: RequestTimings | None = getattr(request, "timings", None)
    return timings.measure(part) if timings else nullcontext()


class ServerTimingMiddleware:
    """Add the header Server-Timing for signed-in users. The time of a streaming response excludes its content.

    Responses for which no view or middleware looked up the user do not get the header.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        timings = request.timings = RequestTimings()  # type: ignore[attr-defined]
        connection.measure_wait = partial(timings.measure, "db")  # type: ignore[attr-defined]
        try:
            with connection.execute_wrapper(timings):
                response = self.get_response(request)
        finally:
            del connection.measure_wait  # type: ignore[attr-defined]
        if getattr(getattr(request, "_cached_user", None), "is_authenticated", False):
            response.headers["Server-Timing"] = timings.format_header()
        return response

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        """Measure the pages of the admin. Django renders them after the view."""
        rendering = ExitStack()
        rendering.enter_context(measure(request, "render"))
        response.add_post_render_callback(lambda _response: rendering.close())
        return response
