"""Accounts of a Better Auth server: forms go to its HTTP API, and its cookies are forwarded unchanged.

The same functions as ``accounts``, with the same exceptions and AuthServerUnavailable.
"""

from __future__ import annotations

import logging
from http.cookies import CookieError, Morsel
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.better_auth import client, sessions
from todo_site.better_auth.client import ClientInfo, Reply
from todo_site.better_auth.exceptions import AccountError, AuthServerUnavailable
from todo_site.better_auth.models import User
from todo_site.web.client_address import get_client_address
from todo_site.web.rate_limits import RateLimitExceeded

from .embedded import BY_ACCOUNT, require_new_session

logger = logging.getLogger(__name__)

# The server's codes, as words at the field that they are about.
ERROR_MESSAGES = {
    "INVALID_EMAIL_OR_PASSWORD": (None, gettext_lazy("The e-mail address or the password is not right.")),
    "INVALID_EMAIL": ("email", gettext_lazy("Enter a valid email address.")),
    "USER_ALREADY_EXISTS": (
        "email",
        gettext_lazy("There is an account with this e-mail address already. Sign in instead."),
    ),
    "PASSWORD_TOO_SHORT": ("password", gettext_lazy("This password is too short.")),
    "PASSWORD_TOO_LONG": ("password", gettext_lazy("This password is too long.")),
    "INVALID_PASSWORD": ("current_password", gettext_lazy("This is not your present password.")),
    "EMAIL_NOT_VERIFIED": (None, gettext_lazy("Confirm your e-mail address first: a message is on its way to you.")),
    "BANNED_USER": (None, gettext_lazy("This account is closed. Ask the people who run this site.")),
    "EMAIL_PASSWORD_SIGN_UP_DISABLED": (None, gettext_lazy("New accounts are not made here.")),
    "FAILED_TO_CREATE_USER": (
        None,
        gettext_lazy("The account could not be made. Check what you wrote."),
    ),
}
ERROR_MESSAGES["USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"] = ERROR_MESSAGES["USER_ALREADY_EXISTS"]
# The server's names, and those of our forms' fields.
FIELDS = {
    "email": "email",
    "password": "password",
    "name": "name",
    "currentPassword": "current_password",
    "newPassword": "new_password",
}
# The server's settings and ours do not fit: for the log, since nobody at a form can mend it.
MISCONFIGURED = {"INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN", "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"}


class RawCookie(Morsel[str]):
    """A Set-Cookie line as the server wrote it, attributes that Python does not know included."""

    def __init__(self, line: str) -> None:
        super().__init__()
        name, _, rest = line.partition("=")
        value = rest.partition(";")[0].strip()
        self.set(name.strip(), value, value)
        self.line = line

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802  http.cookies' name
        return self.line


def sign_up(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, name: str) -> None:
    reply = call(request, response, "/sign-up/email", {"email": email, "password": password, "name": name})
    if not reply.body.get("token"):  # the server wants the address confirmed first, or signs nobody in by itself
        messages.info(request, _("The account is made. Confirm your e-mail address if you are asked to, then sign in."))


def sign_in(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, remember_me: bool) -> None:
    """The server counts by address; by account, whatever the addresses, it is counted here."""
    BY_ACCOUNT.check(email)
    call(request, response, "/sign-in/email", {"email": email, "password": password, "rememberMe": remember_me})
    BY_ACCOUNT.forget(email)


def sign_out(request: HttpRequest, response: HttpResponseBase) -> None:
    """Ends the session at the server; when that is away, as the server would: the row goes and the cookies expire."""
    try:
        call(request, response, "/sign-out", {})
    except (AccountError, RateLimitExceeded, AuthServerUnavailable) as error:
        logger.warning("sign-out without the Better Auth server: %s", error, extra={"request": request})
    sessions.end(request, response)


def change_password(
    request: HttpRequest, response: HttpResponseBase, *, current_password: str, new_password: str
) -> None:
    """Change the password and end all other sessions."""
    body = {"currentPassword": current_password, "newPassword": new_password, "revokeOtherSessions": True}
    call(request, response, "/change-password", body)


def change_name(request: HttpRequest, response: HttpResponseBase, *, name: str) -> None:
    call(request, response, "/update-user", {"name": name})


def confirm(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    """Go on only with somebody who knows the password of the account; or, if it has none, who has just signed in.

    Counted here: the server does not limit these two as it limits signing in.
    """
    if current_password is None:
        require_new_session(request)
        return
    user_id = str(request.user.pk)
    BY_ACCOUNT.check(user_id)
    call(request, response, "/verify-password", {"password": current_password})
    BY_ACCOUNT.forget(user_id)


def delete_account(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    """Let the server delete the account, and by the foreign keys all that is its.

    A server that does not offer it has the last word: its accounts may be in use elsewhere.
    """
    user_id = str(request.user.pk)
    if current_password is None:
        require_new_session(request)
    BY_ACCOUNT.check(user_id)
    body = {} if current_password is None else {"password": current_password}
    reply = request_server(request, path := "/delete-user", body)
    if reply.status == 404:
        raise AccountError(
            _("Accounts cannot be deleted here. Ask the people who run this site. You can delete your tasks.")
        )
    parse_reply(reply, response, path, body)
    BY_ACCOUNT.forget(user_id)
    if User.objects.filter(pk=user_id).exists():
        raise AccountError(_("A message is on its way to you: open its link, and the account is deleted."))
    sessions.end(request, response)


def call(request: HttpRequest, response: HttpResponseBase, path: str, body: dict[str, Any]) -> Reply:
    """Send a form and forward the reply's cookies. Raise AccountError, RateLimitExceeded, AuthServerUnavailable."""
    return parse_reply(request_server(request, path, body), response, path, body)


def request_server(request: HttpRequest, path: str, body: dict[str, Any]) -> Reply:
    """Relay a form. Raises AuthServerUnavailable."""
    client_info = ClientInfo(
        cookies=own_cookies(request),
        address=get_client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    return client.post(path, body, client_info)


def parse_reply(reply: Reply, response: HttpResponseBase, path: str, body: dict[str, Any]) -> Reply:
    """Pass the cookies of a good answer on. Raises AccountError, RateLimitExceeded, AuthServerUnavailable."""
    if reply.status == 200 and reply.body:
        forward_cookies(reply.set_cookies, response)
        return reply
    if reply.status == 429:
        raise RateLimitExceeded(reply.retry_after)
    if reply.code in ERROR_MESSAGES:
        field, words = ERROR_MESSAGES[reply.code]
        raise AccountError(str(words), "new_password" if field == "password" and "newPassword" in body else field)
    if reply.code == "VALIDATION_ERROR":
        raise AccountError(_("The server did not accept this. Check what you wrote."), error_field(reply))
    if reply.status in {401, 403, 422, 400} and reply.code not in MISCONFIGURED and reply.code:
        raise AccountError(_("The server did not accept this (%(code)s).") % {"code": reply.code})
    raise AuthServerUnavailable(f"POST {path}: {reply.status} {reply.code}")


def error_field(reply: Reply) -> str | None:
    """The field that a validation error is about, from its message: ``[body.email] Invalid email address; …``"""
    message = str(reply.body.get("message", ""))
    return next((field for name, field in FIELDS.items() if message.startswith(f"[body.{name}]")), None)


def own_cookies(request: HttpRequest) -> str:
    """The browser's Better Auth cookies, raw as they came, and none of the site's others."""
    prefix = f"{settings.BETTER_AUTH_COOKIE_PREFIX}."
    pairs = (pair.strip() for pair in request.META.get("HTTP_COOKIE", "").split(";"))
    return "; ".join(pair for pair in pairs if pair.startswith((prefix, f"__Secure-{prefix}")))


def forward_cookies(lines: list[str], response: HttpResponseBase) -> None:
    """Put whole Set-Cookie lines on the response, two of one name (for two domains, say) included."""
    for line in lines:
        try:
            cookie = RawCookie(line)
        except CookieError:
            logger.warning("a cookie of the Better Auth server has a name that cannot be passed on")
            continue
        first = cookie.key not in response.cookies
        dict.__setitem__(response.cookies, cookie.key if first else line, cookie)
