"""Health endpoints for load balancers and monitoring: liveness and readiness."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from todo_site.better_auth.exceptions import AuthServerUnavailable
from todo_site.journal import checks as journal
from todo_site.ownership.checks import differences

from .models import CanaryFinding


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 200 if pages can be served, else 503.

    An outage of the Better Auth server only degrades the site: sessions that exist still work.
    """
    parts = {
        "database": database_status(),
        "isolation": isolation_status(),
        "canary": canary_status(),
        "better_auth": better_auth_status(),
    }
    ready = parts["database"] == "ok" and parts["isolation"] in {"ok", "embedded"} and parts["canary"] == "ok"
    degraded = parts["better_auth"] == "away"
    status = ("degraded" if degraded else "ready") if ready else "not ready"
    return JsonResponse({"status": status, **parts}, status=200 if ready else 503)


def database_status() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "away"
    return "migrations pending" if pending else "ok"


def isolation_status() -> str:
    """Compare the database with the migrations. Return "embedded" for SQLite, which has no row-level security."""
    sound = "ok" if connection.vendor == "postgresql" else "embedded"
    try:
        return "broken" if differences(connection) or journal.differences(connection) else sound
    except DatabaseError:
        return "away"


def canary_status() -> str:
    """Return "found" while there are findings of ``manage.py canary``. An operator clears them."""
    try:
        return "found" if CanaryFinding.objects.exists() else "ok"
    except DatabaseError:
        return "away"


def better_auth_status() -> str:
    if not settings.BETTER_AUTH_URL:
        return "embedded"
    try:
        from todo_site.better_auth import client  # noqa: PLC0415  its HTTP client takes 1 MB

        return "ok" if client.get("/ok").status == 200 else "away"
    except AuthServerUnavailable:
        return "away"
