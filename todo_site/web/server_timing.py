"""What a request cost, for the person who made it and for nobody else: the header Server-Timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse


class RequestTimings:
    """Where the time of one request goes, in seconds; the request carries them. An execute_wrapper."""

    def __init__(self) -> None:
        self.start = perf_counter()
        self.statements = 0
        self.seconds = {"session": 0.0, "db": 0.0, "render": 0.0}
        self.running: set[str] = set()

    @property
    def total(self) -> float:
        return perf_counter() - self.start

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the time within; a part that is within itself counts once."""
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
        with self.timed("db"):
            return execute(sql, params, many, context)

    def header(self) -> str:
        """The parts overlap: who is asking is looked up in the database, and a page may ask it while it is drawn."""
        said = {"db": f';desc="statements: {self.statements}"'}
        parts = {**self.seconds, "total": self.total}
        return ", ".join(f"{part};dur={seconds * 1000:.1f}{said.get(part, '')}" for part, seconds in parts.items())


def timed(request: HttpRequest | None, part: str) -> AbstractContextManager[None]:
    timings: RequestTimings | None = getattr(request, "timings", None)
    return timings.timed(part) if timings else nullcontext()


class ServerTimingMiddleware:
    """Tells who is signed in what their request cost; of an answer that is streamed, until it begins.

    Whoever is not known gets no such header, and neither does an answer for which nobody had to be known.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        timings = request.timings = RequestTimings()  # type: ignore[attr-defined]
        connection.waiting = partial(timings.timed, "db")  # type: ignore[attr-defined]
        try:
            with connection.execute_wrapper(timings):
                response = self.get_response(request)
        finally:
            del connection.waiting  # type: ignore[attr-defined]
        if getattr(getattr(request, "_cached_user", None), "is_authenticated", False):
            response.headers["Server-Timing"] = timings.header()
        return response

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        """Time the admin's pages, which are drawn after their view."""
        drawing = ExitStack()
        drawing.enter_context(timed(request, "render"))
        response.add_post_render_callback(lambda _response: drawing.close())
        return response
