"""Accounts of a Better Auth server: forms are sent to its HTTP API, and its cookies are forwarded unchanged."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from todo_site.better_auth import client, sessions
from todo_site.better_auth.client import ClientInfo, Reply
from todo_site.better_auth.exceptions import AccountError, AuthServerUnavailable
from todo_site.better_auth.models import User
from todo_site.better_auth.rate_limits import BY_ACCOUNT
from todo_site.web.client_address import get_client_address
from todo_site.web.rate_limits import RateLimitExceeded

from .cookies import get_auth_cookies
from .reauthentication import require_new_session
from .replies import parse_reply

logger = logging.getLogger(__name__)


def sign_up(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, name: str) -> None:
    reply = submit(request, response, "/sign-up/email", {"email": email, "password": password, "name": name})
    if not reply.body.get("token"):  # the server requires a confirmed address, or does not sign in new users
        messages.info(request, _("Your account was created. Confirm your e-mail address if asked, then sign in."))


def sign_in(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, remember_me: bool) -> None:
    BY_ACCOUNT.check(email)  # the server limits only by address
    submit(request, response, "/sign-in/email", {"email": email, "password": password, "rememberMe": remember_me})
    BY_ACCOUNT.forget(email)


def sign_out(request: HttpRequest, response: HttpResponseBase) -> None:
    """End the session at the server. If it is unavailable, delete the row and expire the cookies as it would."""
    try:
        submit(request, response, "/sign-out", {})
    except (AccountError, RateLimitExceeded, AuthServerUnavailable) as error:
        logger.warning("Better Auth server unavailable at sign-out: %s", error, extra={"request": request})
    sessions.end(request, response)


def change_password(
    request: HttpRequest, response: HttpResponseBase, *, current_password: str, new_password: str
) -> None:
    body = {"currentPassword": current_password, "newPassword": new_password, "revokeOtherSessions": True}
    submit(request, response, "/change-password", body)


def change_name(request: HttpRequest, response: HttpResponseBase, *, name: str) -> None:
    submit(request, response, "/update-user", {"name": name})


def confirm(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    if current_password is None:
        require_new_session(request)
        return
    user_id = str(request.user.pk)
    BY_ACCOUNT.check(user_id)  # the server does not limit this path
    submit(request, response, "/verify-password", {"password": current_password})
    BY_ACCOUNT.forget(user_id)


def delete_account(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    """Ask the server to delete the account. If it does not offer this, its accounts may be used by other sites."""
    user_id = str(request.user.pk)
    if current_password is None:
        require_new_session(request)
    BY_ACCOUNT.check(user_id)
    body = {} if current_password is None else {"password": current_password}
    reply = request_server(request, path := "/delete-user", body)
    if reply.status == 404:
        raise AccountError(
            _("You can delete your tasks here, but not your account. Contact the site operator to delete it.")
        )
    parse_reply(reply, response, path, body)
    BY_ACCOUNT.forget(user_id)
    if User.objects.filter(pk=user_id).exists():
        raise AccountError(_("We have sent you an e-mail. Open the link in it to delete your account."))
    sessions.end(request, response)


def submit(request: HttpRequest, response: HttpResponseBase, path: str, body: dict[str, Any]) -> Reply:
    """Send a form and forward the reply's cookies. Raise AccountError, RateLimitExceeded or AuthServerUnavailable."""
    return parse_reply(request_server(request, path, body), response, path, body)


def request_server(request: HttpRequest, path: str, body: dict[str, Any]) -> Reply:
    """Send a form on behalf of the client. Raise AuthServerUnavailable."""
    client_info = ClientInfo(
        cookies=get_auth_cookies(request),
        address=get_client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    return client.post(path, body, client_info)
