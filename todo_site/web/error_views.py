"""Error pages. They work without database, session and user."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TypedDict, Unpack

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .database_errors import is_unavailable
from .pending_form import PendingForm, is_same_origin


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
    title = _("That cannot be read")
    message = _("Something in the address or the form is not as it should be.")
    return render_error_page(request, 400, title, message)


def too_large(request: HttpRequest) -> HttpResponse:
    # Browsers show a response only after they have sent the whole body. Read it, unless it exceeds the limit.
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= settings.REQUEST_MAX_BYTES:
        with suppress(OSError):
            while request.read(2**16):
                pass
    title = _("That is too much at once")
    message = _("Nothing was saved. Go back and send less, or send it in parts.")
    return render_error_page(request, 413, title, message)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error_page(request, 403, _("Not allowed"), _("Your account may not open this page."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return 403 with the submitted text. Only a form of the same origin can be submitted again from the page.

    Otherwise another site could make people submit its text with one click.
    """
    title = _("The form could not be checked")
    pending_form = PendingForm.from_hidden_fields(request) or PendingForm.from_post(request)
    if not pending_form.can_resubmit:
        message = _(
            "Go back, load the page again and send the form once more. Cookies have to be allowed for this site."
        )
        return render_error_page(request, 403, title, message)
    if is_same_origin(request):
        message = _("It was open for too long, or you signed in or out meanwhile. Look it through and send it again.")
        return render_error_page(request, 403, title, message, pending_form=pending_form)
    message = _("It did not come from a page of this site, so nothing was saved. You can copy the text.")
    return render_error_page(request, 403, title, message, pending_form=pending_form, is_read_only=True)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error_page(request, 404, _("Not found"), _("There is nothing at this address, or it is not yours."))


def server_error(request: HttpRequest) -> HttpResponse:
    if is_unavailable(sys.exception()):
        return database_unavailable(request)
    title = _("Something went wrong")
    message = _("It was our mistake and has been noted. Nothing that was saved is lost.")
    return render_error_page(request, 500, title, message)


def rate_limited(request: HttpRequest, retry_after: int) -> HttpResponse:
    """Return 429. ``retry_after`` is in seconds."""
    message = ngettext("Wait %(n)d second and try again.", "Wait %(n)d seconds and try again.", retry_after)
    return retry_later(request, 429, _("That was often"), message % {"n": retry_after}, retry_after)


def database_unavailable(request: HttpRequest) -> HttpResponse:
    title, message = _("The tasks cannot be reached"), _("It is not your mistake. Try again in a few seconds.")
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
    title, message = _("You are signed in again"), _("This is what you wrote. It is saved when you send it.")
    return render_error_page(request, 200, title, message, pending_form=pending_form)
