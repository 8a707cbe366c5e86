"""Metrics for Prometheus: requests, database statements and connections. No label contains an id or a user."""

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
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

registry = CollectorRegistry()
request_count = Counter("todo_requests", "Requests answered", ["route", "method", "status"], registry=registry)
request_seconds = Histogram(
    "todo_request_seconds",
    "Time until the response starts",
    ["route", "method", "status"],
    buckets=BUCKETS,
    registry=registry,
)
statement_seconds = Histogram(
    "todo_database_statement_seconds", "Time of each database statement", buckets=BUCKETS, registry=registry
)
connection_count = Counter("todo_database_connections", "Database connections opened", registry=registry)


@csrf_exempt
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics of all workers to a local client or one with METRICS_TOKEN, and 404 to everybody else."""
    if not (is_direct_and_local(request) or has_valid_token(request)):
        raise Http404
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return HttpResponse(generate_latest(collect_workers()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def is_direct_and_local(request: HttpRequest) -> bool:
    """Return whether a local client sent the request itself. Behind a local proxy every client looks local."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    address = get_client_address(request)
    return bool(address) and ipaddress.ip_address(address).is_loopback


def has_valid_token(request: HttpRequest) -> bool:
    given, expected = bearer_tokens.get_token(request), settings.METRICS_TOKEN
    return bool(given and expected) and hmac.compare_digest(str(given).encode(), expected.encode())


def collect_workers() -> CollectorRegistry:
    """Return the metrics of all gunicorn workers, or of this process without gunicorn."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return registry
    collected = CollectorRegistry()
    MultiProcessCollector(collected)  # type: ignore[no-untyped-call]  # registers itself
    return collected


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count by route name: paths contain ids, and every new label value costs memory."""
    match = request.resolver_match
    method = request.method if request.method in METHODS else "other"
    labels = (match.view_name if match else "none", method, f"{response.status_code // 100}xx")
    request_count.labels(*labels).inc()
    request_seconds.labels(*labels).observe(seconds)


def time_statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Measure a statement, as an execute_wrapper."""
    start = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        statement_seconds.observe(perf_counter() - start)


def instrument_connection(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    connection_count.inc()
    # First: at its end, connection.execute_wrapper() removes the last wrapper, which must be its own.
    if time_statement not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, time_statement)


connection_created.connect(instrument_connection)
