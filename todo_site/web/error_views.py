"""Error pages. They work without database, session and user."""

from __future__ import annotations

import sys
from contextlib import suppress
from math import ceil
from typing import TypedDict, Unpack

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .database_errors import is_unavailable
from .pending_form import PendingForm, is_same_origin

LONG_WAIT = 90  # seconds; a longer wait is said in minutes


class NextSteps(TypedDict, total=False):
    """What an error page offers to do next."""

    pending_form: PendingForm | None  # a form that people can submit again
    is_read_only: bool  # only show the fields of that form
    retry_url: str
    link: tuple[str, str]  # URL and text


def render_error_page(
    request: HttpRequest, status: int, title: str, message: str, **next_steps: Unpack[NextSteps]
) -> HttpResponse:
    context = {
        "status": status,
        "title": title,
        "message": message,
        "request_id": getattr(request, "id", ""),
        "pending_form": None,
        "is_read_only": False,
        "retry_url": "",
        "link": None,
        **next_steps,
    }
    return render(request, "web/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return too_large(request)
    title = _("Invalid request")
    message = _("The address or the form data is invalid. Go back and try again.")
    return render_error_page(request, 400, title, message)


def too_large(request: HttpRequest) -> HttpResponse:
    # Browsers show a response only after they have sent the whole body. Read it, unless it exceeds the limit.
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= settings.REQUEST_MAX_BYTES:
        with suppress(OSError):
            while request.read(2**16):
                pass
    title = _("Request too large")
    message = _("Nothing was saved. Go back and send less data, or split it into several parts.")
    return render_error_page(request, 413, title, message)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error_page(request, 403, _("Access denied"), _("Your account does not have access to this page."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return 403 with the submitted text. Only a form of the same origin can be submitted again from the page.

    Otherwise another site could make people submit its text with one click.
    """
    title = _("The form could not be verified")
    pending_form = PendingForm.from_hidden_fields(request) or PendingForm.from_post(request)
    if not pending_form.can_resubmit:
        message = _("Go back, reload the page and submit the form again. Cookies must be allowed for this site.")
        return render_error_page(request, 403, title, message)
    if is_same_origin(request):
        message = _(
            "The form has expired, or you signed in or out in the meantime. Check your text, then submit it again."
        )
        return render_error_page(request, 403, title, message, pending_form=pending_form)
    message = _("The form was not sent from this site, so nothing was saved. You can copy your text below.")
    return render_error_page(request, 403, title, message, pending_form=pending_form, is_read_only=True)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error_page(request, 404, _("Not found"), _("Page not found, or you do not have access to it."))


def server_error(request: HttpRequest) -> HttpResponse:
    if is_unavailable(sys.exception()):
        return database_unavailable(request)
    title = _("Something went wrong")
    message = _("The error is on our side and has been logged. Saved data is not affected; try again later.")
    return render_error_page(request, 500, title, message)


def rate_limited(request: HttpRequest, retry_after: int) -> HttpResponse:
    """Return 429. ``retry_after`` is in seconds."""
    if retry_after > LONG_WAIT:
        n = ceil(retry_after / 60)
        message = ngettext("Try again in %(n)d minute.", "Try again in %(n)d minutes.", n)
    else:
        n = retry_after
        message = ngettext("Try again in %(n)d second.", "Try again in %(n)d seconds.", n)
    return retry_later(request, 429, _("Too many requests"), message % {"n": n}, retry_after)


def database_unavailable(request: HttpRequest) -> HttpResponse:
    title, message = _("The service is temporarily unavailable"), _("Nothing was lost; try again in a few seconds.")
    response = retry_later(request, 503, title, message, retry_after=5)
    response.database_unavailable = True  # type: ignore[attr-defined]  # for DatabaseErrorMiddleware
    return response


def retry_later(request: HttpRequest, status: int, title: str, message: str, retry_after: int) -> HttpResponse:
    """Return a page from which people can repeat the request, with the text that they submitted."""
    pending_form = PendingForm.from_post(request) if request.method == "POST" else None
    response = render_error_page(
        request, status, title, message, pending_form=pending_form, retry_url=request.get_full_path()
    )
    response.headers["Retry-After"] = str(retry_after)
    return response


def signed_in_again(request: HttpRequest, pending_form: PendingForm) -> HttpResponse:
    """Show a form that was submitted before sign-in, so that it can be submitted again."""
    title, message = _("You are signed in again"), _("Your text was kept but is not saved yet. Submit it to save it.")
    return render_error_page(request, 200, title, message, pending_form=pending_form)
