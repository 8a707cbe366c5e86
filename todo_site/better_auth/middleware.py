from __future__ import annotations

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from . import cookies, sessions
from .models import User


def get_user(request: HttpRequest) -> User | AnonymousUser:
    """Who is asking, looked up once per request: the user of the session cookie, or nobody."""
    cached: User | AnonymousUser | None = getattr(request, "_cached_user", None)
    if cached is None:
        cached = sessions.find_by_token(cookies.signed_values(request, "session_token")) or AnonymousUser()
        request._cached_user = cached  # type: ignore[attr-defined]
    return cached


async def get_user_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(get_user)(request)


class BetterAuthMiddleware(AuthenticationMiddleware):
    """Puts a lazy ``request.user`` on the request, and extends the session of a user who was asked for."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(get_user, request))  # type: ignore[assignment]
        request.auser = partial(get_user_async, request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        session = getattr(getattr(request, "_cached_user", None), "session", None)
        own_cookie = cookies.name_of(request, "session_token") in response.cookies
        if session is not None and not own_cookie:  # a view that signs in or out has said what it wants
            sessions.extend(request, response, session)
        return response
