from __future__ import annotations

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware, LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.functional import SimpleLazyObject

from todo_site.web.pending_form import PendingForm
from todo_site.web.server_timing import measure

from . import bearer_tokens, sessions, signed_cookies
from .models import User
from .views.authentication import sign_in_required


def get_user(request: HttpRequest) -> User | AnonymousUser:
    """Return the user of the session cookie or of the bearer token. The lookup runs once per request."""
    cached: User | AnonymousUser | None = getattr(request, "_cached_user", None)
    if cached is None:
        with measure(request, "session"):
            user = sessions.find_user_by_token(signed_cookies.get_signed_values(request, "session_token"))
            if user is None and (token := bearer_tokens.get_token(request)):
                user = bearer_tokens.find_user(token)
        cached = user or AnonymousUser()
        request._cached_user = cached  # type: ignore[attr-defined]
    return cached


async def get_user_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(get_user)(request)


class BetterAuthMiddleware(AuthenticationMiddleware):
    """Set a lazy ``request.user``. If it was used, extend the user's session."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(get_user, request))  # type: ignore[assignment]
        request.auser = partial(get_user_async, request)
        # Other sites cannot make a browser send an Authorization header. So a request with a bearer token needs no CSRF
        # token, unless it also has a session cookie.
        has_cookie = signed_cookies.get_cookie_name(request, "session_token") in request.COOKIES
        if bearer_tokens.get_token(request) is not None and not has_cookie and request.user.is_authenticated:
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        session = getattr(getattr(request, "_cached_user", None), "session", None)
        is_cookie_set = signed_cookies.get_cookie_name(request, "session_token") in response.cookies
        if session is not None and not is_cookie_set:  # the view did not sign in or out
            sessions.extend(request, response, session)
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Require sign-in, except for views with login_not_required. Requests with an invalid bearer token get 401."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> Any:
        if bearer_tokens.get_token(request) is not None:
            return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        if request.method == "POST" and (pending_form := PendingForm.from_post(request)).can_resubmit:
            return sign_in_required(request, pending_form)
        if request.method not in {"GET", "HEAD"}:  # after sign-in, the URL would be requested with GET
            return redirect_to_login(resolve_url(settings.LOGIN_REDIRECT_URL))
        return super().handle_no_permission(request, view_func)
