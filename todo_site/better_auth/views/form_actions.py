"""Run an action of the accounts backend with the data of a form."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import ceil

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from todo_site.better_auth.exceptions import AccountError, AuthServerUnavailable
from todo_site.web.error_views import LONG_WAIT
from todo_site.web.rate_limits import RateLimitExceeded
from todo_site.web.redirects import SeeOther

logger = logging.getLogger(__name__)

type Action = Callable[..., None]


def run_action(request: HttpRequest, form: forms.Form, action: Action, target: str) -> HttpResponse:
    """Run the action with the cleaned data.

    Return a redirect to ``target``. On failure, add an error to the form and return an empty response with the status
    422, 429 or 503.
    """
    response: HttpResponse = SeeOther(target)
    if not form.is_valid():
        return HttpResponse(status=422)
    try:
        action(request, response, **form.cleaned_data)
    except AccountError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        response = HttpResponse(status=422)
    except RateLimitExceeded as error:
        form.add_error(None, too_many_attempts(error.retry_after))
        response = HttpResponse(status=429, headers={"Retry-After": str(error.retry_after)})
    except AuthServerUnavailable as error:
        logger.error("Better Auth server: %s", error, extra={"request": request})  # noqa: TRY400  expected, no trace
        form.add_error(None, _("The account service is temporarily unavailable. Try again in a few minutes."))
        response = HttpResponse(status=503, headers={"Retry-After": str(error.retry_after)})
    return response


def copy_status(source: HttpResponse, page: HttpResponse) -> HttpResponse:
    """Give a page the status and the Retry-After header of another response."""
    page.status_code = source.status_code
    if "Retry-After" in source.headers:
        page.headers["Retry-After"] = source.headers["Retry-After"]
    return page


def too_many_attempts(seconds: int) -> str:
    """Return the message, in minutes where the wait is long."""
    if seconds > LONG_WAIT:
        n = ceil(seconds / 60)
        message = ngettext(
            "Too many attempts. Try again in %(n)d minute.", "Too many attempts. Try again in %(n)d minutes.", n
        )
    else:
        n = seconds
        message = ngettext(
            "Too many attempts. Try again in %(n)d second.", "Too many attempts. Try again in %(n)d seconds.", n
        )
    return message % {"n": n}
