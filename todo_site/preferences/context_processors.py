from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from .middleware import get_preferences


def preferences(request: HttpRequest) -> dict[str, Any]:
    """Add the preferences of the request. Error pages get the defaults if no middleware has set any."""
    return {"preferences": get_preferences(request)}
