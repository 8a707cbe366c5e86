"""The server's replies to forms, as exceptions with a message and a form field."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.better_auth.client import Reply
from todo_site.better_auth.exceptions import AccountError, AuthServerUnavailable
from todo_site.web.rate_limits import RateLimitExceeded

from .cookies import forward_cookies

# The server's error codes, with the form field that each is about.
ERROR_MESSAGES = {
    "INVALID_EMAIL_OR_PASSWORD": (None, gettext_lazy("Wrong e-mail address or password.")),
    "INVALID_EMAIL": ("email", gettext_lazy("Enter a valid email address.")),
    "USER_ALREADY_EXISTS": (
        "email",
        gettext_lazy("An account with this e-mail address already exists. Sign in instead."),
    ),
    "PASSWORD_TOO_SHORT": ("password", gettext_lazy("The password is too short.")),
    "PASSWORD_TOO_LONG": ("password", gettext_lazy("The password is too long.")),
    "INVALID_PASSWORD": ("current_password", gettext_lazy("Wrong password.")),
    "EMAIL_NOT_VERIFIED": (
        None,
        gettext_lazy("Confirm your e-mail address first. Open the link in the e-mail that we sent you."),
    ),
    "BANNED_USER": (None, gettext_lazy("This account is blocked. Contact the site operator.")),
    "EMAIL_PASSWORD_SIGN_UP_DISABLED": (None, gettext_lazy("Sign-up is disabled on this site.")),
    "FAILED_TO_CREATE_USER": (
        None,
        gettext_lazy("The account could not be created. Check your details."),
    ),
}
ERROR_MESSAGES["USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"] = ERROR_MESSAGES["USER_ALREADY_EXISTS"]
# The server's field names and the names of our form fields.
FIELDS = {
    "email": "email",
    "password": "password",
    "name": "name",
    "currentPassword": "current_password",
    "newPassword": "new_password",
}
# The settings of the server and of this site do not match. Only operators can fix this, so it goes to the log.
MISCONFIGURED = {"INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN", "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"}


def parse_reply(reply: Reply, response: HttpResponseBase, path: str, body: dict[str, Any]) -> Reply:
    """Forward the cookies of a successful reply. Raise AccountError, RateLimitExceeded or AuthServerUnavailable."""
    if reply.status == 200 and reply.body:
        forward_cookies(reply.set_cookies, response)
        return reply
    if reply.status == 429:
        raise RateLimitExceeded(reply.retry_after)
    if reply.code in ERROR_MESSAGES:
        field, message = ERROR_MESSAGES[reply.code]
        raise AccountError(str(message), "new_password" if field == "password" and "newPassword" in body else field)
    if reply.code == "VALIDATION_ERROR":
        raise AccountError(
            _("The account service rejected the request. Check your details."), find_invalid_field(reply)
        )
    if reply.status in {401, 403, 422, 400} and reply.code not in MISCONFIGURED and reply.code:
        raise AccountError(_("The account service rejected the request (%(code)s).") % {"code": reply.code})
    raise AuthServerUnavailable(f"POST {path}: {reply.status} {reply.code}")


def find_invalid_field(reply: Reply) -> str | None:
    """Return the field of a validation error. Its message starts like ``[body.email] Invalid email address``."""
    message = str(reply.body.get("message", ""))
    return next((field for name, field in FIELDS.items() if message.startswith(f"[body.{name}]")), None)
