from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
@cache_control(public=True, max_age=86_400)
def manifest(request: HttpRequest) -> JsonResponse:
    """What makes an app of the site where people install it: in the browser's language, the same for everybody."""
    new, pending = reverse("tasks:new"), reverse("tasks:list") + "?status=pending"
    # What is shared comes as the text and the address: both go into the description, one below the other.
    share = {"title": "title", "text": "description", "url": "description"}
    return JsonResponse(
        {
            "id": "/",
            "name": _("To-do"),
            "short_name": _("To-do"),
            "description": _("Your tasks are yours alone: nobody else sees them."),
            "lang": get_language(),
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": reverse("tasks:list"),
            "scope": "/",
            "display": "standalone",
            "theme_color": "#faf8f3",
            "background_color": "#faf8f3",
            "icons": [
                icon("site/icon.svg", "any", "image/svg+xml"),
                icon("site/icon-192.png", "192x192"),
                icon("site/icon-512.png", "512x512"),
                icon("site/icon-maskable-512.png", "512x512", purpose="maskable"),
            ],
            "shortcuts": [{"name": _("New task"), "url": new}, {"name": _("Pending"), "url": pending}],
            "share_target": {"action": new, "method": "GET", "params": share},
        },
        content_type="application/manifest+json",
    )


def icon(path: str, sizes: str, kind: str = "image/png", purpose: str = "any") -> dict[str, str]:
    return {"src": static(path), "sizes": sizes, "type": kind, "purpose": purpose}
