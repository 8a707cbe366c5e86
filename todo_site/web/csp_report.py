"""Where browsers report what the Content Security Policy forbade: a sign of an injection, or of a mistake of ours."""

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
    """Log which directive was violated and by what kind of source; never an address, which may hold private text."""
    if len(request.body) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        report = json.loads(request.body)["csp-report"]
        directive = str(report.get("effective-directive") or report.get("violated-directive") or "")
        blocked = source_kind(report.get("blocked-uri"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return HttpResponse(status=400)
    if not DIRECTIVE.fullmatch(directive.partition(" ")[0]):
        return HttpResponse(status=400)
    fields = {"directive": directive.partition(" ")[0], "blocked": blocked}
    logger.warning("The Content Security Policy was violated.", extra={"request": request, "fields": fields})
    return HttpResponse(status=204)


def source_kind(source: Any) -> str:
    """``inline``, ``eval`` or the scheme of what was blocked."""
    found = re.match(r"(inline|eval)$|([a-z][a-z0-9+.-]{0,20}):", str(source))
    return (found[1] or found[2]) if found else "other"
