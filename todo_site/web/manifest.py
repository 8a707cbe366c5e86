from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise


@login_not_required
@require_safe
@cache_control(public=True, max_age=86_400)
def manifest(
    request: HttpRequest,
    start_url: StrOrPromise,
    share_url: StrOrPromise,
    shortcuts: list[tuple[StrOrPromise, StrOrPromise]],
) -> JsonResponse:
    """Return the web app manifest in the language of the browser. It is the same for all users."""
    # Apps share a text, a URL or both. The form accepts the description twice.
    share_params = {"title": "title", "text": "description", "url": "description"}
    return JsonResponse(
        {
            "id": "/",
            "name": _("To-do"),
            "short_name": _("To-do"),
            "description": _("Your tasks are private. Other users cannot see them."),
            "lang": get_language(),
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": start_url,
            "scope": "/",
            "display": "standalone",
            "theme_color": "#faf8f3",
            "background_color": "#faf8f3",
            "icons": [
                describe_icon("site/icon.svg", "any", "image/svg+xml"),
                describe_icon("site/icon-192.png", "192x192"),
                describe_icon("site/icon-512.png", "512x512"),
                describe_icon("site/icon-maskable-512.png", "512x512", purpose="maskable"),
            ],
            "shortcuts": [{"name": name, "url": url} for name, url in shortcuts],
            "share_target": {"action": share_url, "method": "GET", "params": share_params},
        },
        content_type="application/manifest+json",
    )


def describe_icon(path: str, sizes: str, kind: str = "image/png", purpose: str = "any") -> dict[str, str]:
    return {"src": static(path), "sizes": sizes, "type": kind, "purpose": purpose}
