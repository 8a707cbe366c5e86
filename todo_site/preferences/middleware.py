from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation

from . import cookie
from .models import Preferences


def get_preferences(request: HttpRequest) -> Preferences:
    """Return the request's preferences, or the defaults if it did not reach the middleware."""
    return getattr(request, "preferences", None) or Preferences()


def apply_preferences(request: HttpRequest, preferences: Preferences) -> None:
    """Use this language, time zone and theme for the rest of the request."""
    request.preferences = preferences  # type: ignore[attr-defined]
    chosen = preferences.language
    is_known = chosen in dict(settings.LANGUAGES)
    translation.activate(chosen if is_known else translation.get_language_from_request(request))
    timezone.activate(preferences.zone)


class PreferencesMiddleware:
    """Activate the user's language and time zone for each request.

    The cookie applies first: error pages need neither a user nor the database. Before the view runs, a missing cookie
    or one of another user is replaced with the row from the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(None), timezone.override(None):
            from_cookie = cookie.read(request) or Preferences()
            apply_preferences(request, from_cookie)
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        preferences = get_preferences(request)
        # The view has set or deleted the cookie itself, for example at sign-out.
        if (
            preferences is not from_cookie
            and preferences.user_id
            and settings.PREFERENCES_COOKIE_NAME not in response.cookies
        ):
            cookie.write(response, preferences)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Apply the signed-in user's preferences, or the defaults on public pages."""
        # API clients send a token and keep no cookies: every request would need a query.
        is_browser = bool(request.COOKIES) and getattr(view, "login_required", True)
        user_id = request.user.id if is_browser else None
        if not user_id:
            apply_preferences(request, Preferences())
        elif get_preferences(request).user_id != user_id:
            apply_preferences(request, Preferences.objects.for_user(user_id).get_or_default())
