"""Run an action of the accounts backend with the data of a form."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from todo_site.better_auth.exceptions import AccountError, AuthServerUnavailable
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
        wait = error.retry_after
        message = ngettext("Too many tries. Wait %(n)d second.", "Too many tries. Wait %(n)d seconds.", wait)
        form.add_error(None, message % {"n": wait})
        response = HttpResponse(status=429, headers={"Retry-After": str(wait)})
    except AuthServerUnavailable as error:
        logger.error("Better Auth server: %s", error, extra={"request": request})  # noqa: TRY400  expected, no trace
        form.add_error(None, _("The accounts cannot be reached at this moment. Try again in a little while."))
        response = HttpResponse(status=503, headers={"Retry-After": str(error.retry_after)})
    return response


def copy_status(source: HttpResponse, page: HttpResponse) -> HttpResponse:
    """Give a page the status and the Retry-After header of another response."""
    page.status_code = source.status_code
    if "Retry-After" in source.headers:
        page.headers["Retry-After"] = source.headers["Retry-After"]
    return page
