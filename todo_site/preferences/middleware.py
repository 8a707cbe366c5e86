from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from . import cookie
from .models import Preferences


def get_preferences(request: HttpRequest) -> Preferences:
    """How this request is to be answered; the defaults where it never came to the middleware."""
    return getattr(request, "preferences", None) or Preferences()


def apply_preferences(request: HttpRequest, preferences: Preferences) -> None:
    """Answer the rest of this request in this language, time zone and look."""
    request.preferences = preferences  # type: ignore[attr-defined]
    chosen = preferences.language
    is_known = chosen in dict(settings.LANGUAGES)
    translation.activate(chosen if is_known else translation.get_language_from_request(request))
    timezone.activate(preferences.zone)


class PreferencesMiddleware:
    """Answers each request in the language, time zone and look of the person who asks, and leaves none of it behind.

    The mirror is believed at first, so that pages which need no user or database have it too. Before the view it is
    held against who is asking, and read anew from the database when it is missing or somebody else's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(None), timezone.override(None):
            mirrored = cookie.read(request) or Preferences()
            apply_preferences(request, mirrored)
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        patch_vary_headers(response, ["Accept-Language"])
        preferences = get_preferences(request)
        # A view that signs out has taken the mirror away.
        if (
            preferences is not mirrored
            and preferences.user_id
            and settings.PREFERENCES_COOKIE_NAME not in response.cookies
        ):
            cookie.write(response, preferences)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """See to it that the preferences are those of who is asking; on pages for everybody they are nobody's."""
        # Programs bring a token and keep no cookie: for them the row would be read every time.
        is_person = bool(request.COOKIES) and getattr(view, "login_required", True)
        user_id = request.user.id if is_person else None
        if not user_id:
            apply_preferences(request, Preferences())
        elif get_preferences(request).user_id != user_id:
            apply_preferences(request, Preferences.objects.for_user(user_id).get_or_default())
