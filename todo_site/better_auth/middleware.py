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
from todo_site.web.server_timing import timed

from . import bearer_tokens, sessions, signed_cookies
from .models import User
from .views import sign_in_required


def get_user(request: HttpRequest) -> User | AnonymousUser:
    """Who is asking, looked up once per request: by the session cookie, by a bearer token, or nobody."""
    cached: User | AnonymousUser | None = getattr(request, "_cached_user", None)
    if cached is None:
        with timed(request, "session"):
            user = sessions.find_by_token(signed_cookies.signed_values(request, "session_token"))
            if user is None and (token := bearer_tokens.bearer(request)):
                user = bearer_tokens.find_user(token)
        cached = user or AnonymousUser()
        request._cached_user = cached  # type: ignore[attr-defined]
    return cached


async def get_user_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(get_user)(request)


class BetterAuthMiddleware(AuthenticationMiddleware):
    """Puts a lazy ``request.user`` on the request, and extends the session of a user who was asked for."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(get_user, request))  # type: ignore[assignment]
        request.auser = partial(get_user_async, request)
        # No other site can make a browser send an Authorization header, so a request that is authenticated by it alone
        # needs no CSRF token. One that carries a session cookie as well is treated as a browser.
        has_cookie = signed_cookies.cookie_name(request, "session_token") in request.COOKIES
        if bearer_tokens.bearer(request) is not None and not has_cookie and request.user.is_authenticated:
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        session = getattr(getattr(request, "_cached_user", None), "session", None)
        own_cookie = signed_cookies.cookie_name(request, "session_token") in response.cookies
        if session is not None and not own_cookie:  # a view that signs in or out has said what it wants
            sessions.extend(request, response, session)
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Asks people to sign in, and tells programs that their token is not good."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> Any:
        if bearer_tokens.bearer(request) is not None:
            return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        if request.method == "POST" and (pending_form := PendingForm.from_post(request)).can_resubmit:
            return sign_in_required(request, pending_form)
        if request.method not in {"GET", "HEAD"}:  # after signing in, a page can be shown and a form's target cannot
            return redirect_to_login(resolve_url(settings.LOGIN_REDIRECT_URL))
        return super().handle_no_permission(request, view_func)
