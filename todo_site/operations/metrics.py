"""RequestTimings for Prometheus: requests, database statements and connections. None says who asked, or for what."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from todo_site.better_auth import bearer_tokens
from todo_site.web.client_address import get_client_address

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

registry = CollectorRegistry()
requests = Counter("todo_requests", "Requests answered", ["route", "method", "status"], registry=registry)
request_seconds = Histogram(
    "todo_request_seconds",
    "Time until the answer begins",
    ["route", "method", "status"],
    buckets=SECONDS,
    registry=registry,
)
statement_seconds = Histogram(
    "todo_database_statement_seconds", "Time of each database statement", buckets=SECONDS, registry=registry
)
connections = Counter("todo_database_connections", "Connections to the database that were opened", registry=registry)


@csrf_exempt
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """All timings of all workers, for a monitor on this machine or with METRICS_TOKEN; for others there is no page."""
    if not (is_direct_from_this_machine(request) or has_token(request)):
        raise Http404
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return HttpResponse(generate_latest(all_workers()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def is_direct_from_this_machine(request: HttpRequest) -> bool:
    """Whether it comes from this machine and through no proxy, which would make the whole world look like that."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    address = get_client_address(request)
    return bool(address) and ipaddress.ip_address(address).is_loopback


def has_token(request: HttpRequest) -> bool:
    given, expected = bearer_tokens.get_token(request), settings.METRICS_TOKEN
    return bool(given and expected) and hmac.compare_digest(str(given).encode(), expected.encode())


def all_workers() -> CollectorRegistry:
    """What this process counted or, under gunicorn, what all of its workers did."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # it registers itself
    return together


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count by the route's name and never by its path: there are few names, and none holds an id."""
    match = request.resolver_match
    method = request.method if request.method in METHODS else "other"
    labels = (match.view_name if match else "none", method, f"{response.status_code // 100}xx")
    requests.labels(*labels).inc()
    request_seconds.labels(*labels).observe(seconds)


def time_statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """An execute_wrapper."""
    start = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        statement_seconds.observe(perf_counter() - start)


def watch_connection(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    connections.inc()
    # Outermost: connection.execute_wrapper() takes away the innermost when it ends, which has to be its own.
    if time_statement not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, time_statement)


connection_created.connect(watch_connection)
