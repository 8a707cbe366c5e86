"""The view that browsers report violations of the Content Security Policy to."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

logger = logging.getLogger(__name__)

MAX_BYTES = 10_000
DIRECTIVE = re.compile(r"[a-z-]{1,40}")


@csrf_exempt
@login_not_required
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Log the violated directive and the kind of source. URLs are not logged: they can contain private text."""
    if len(request.body) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        report = json.loads(request.body)["csp-report"]
        directive = str(report.get("effective-directive") or report.get("violated-directive") or "").partition(" ")[0]
        blocked = classify_source(report.get("blocked-uri"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return HttpResponse(status=400)
    if not DIRECTIVE.fullmatch(directive):
        return HttpResponse(status=400)
    fields = {"directive": directive, "blocked": blocked}
    logger.warning("Content Security Policy violation", extra={"request": request, "fields": fields})
    return HttpResponse(status=204)


def classify_source(source: Any) -> str:
    """Return ``inline``, ``eval``, the scheme of a URL, or ``other``."""
    match = re.match(r"(inline|eval)$|([a-z][a-z0-9+.-]{0,20}):", str(source))
    return (match[1] or match[2]) if match else "other"
