"""The pages that answer when nothing else can. They stand alone: no database, no session, no user."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .database_errors import is_unavailable
from .pending_form import PendingForm, is_same_origin


def error_page(request: HttpRequest, status: int, title: str, words: str, **context: Any) -> HttpResponse:
    """A page that stands alone. With ``typed`` it offers to send that again, or with ``to_copy`` only shows it."""
    request_id = getattr(request, "id", "")
    page = {"status": status, "title": title, "words": words, "request_id": request_id, "typed": None, **context}
    return render(request, "web/error.html", page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return too_large(request)
    return error_page(
        request, 400, _("That cannot be read"), _("Something in the address or the form is not as it should be.")
    )


def too_large(request: HttpRequest) -> HttpResponse:
    # A browser shows the answer only after it has sent everything; of what nobody would take the rest is left unread.
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= settings.REQUEST_MAX_BYTES:
        with suppress(OSError):
            while request.read(2**16):
                pass
    return error_page(
        request, 413, _("That is too much at once"), _("Nothing was saved. Go back and send less, or send it in parts.")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, _("Not allowed"), _("Your account may not open this page."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 with what was typed. Only what a page of this site sent can be sent again: the text of another site's form
    is shown to be copied, so that nobody is led to send by one click what somebody else wrote.
    """
    title = _("The form could not be checked")
    typed = PendingForm.from_hidden_field(request) or PendingForm.from_post(request)
    if not typed.can_resubmit:
        words = _("Go back, load the page again and send the form once more. Cookies have to be allowed for this site.")
        return error_page(request, 403, title, words)
    if is_same_origin(request):
        words = _("It was open for too long, or you signed in or out meanwhile. Look it through and send it again.")
        return error_page(request, 403, title, words, typed=typed)
    words = _("It did not come from a page of this site, so nothing was saved. You can copy the text.")
    return error_page(request, 403, title, words, typed=typed, to_copy=True)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404, _("Not found"), _("There is nothing at this address, or it is not yours."))


def server_error(request: HttpRequest) -> HttpResponse:
    if is_unavailable(sys.exception()):
        return database_unavailable(request)
    return error_page(
        request,
        500,
        _("Something went wrong"),
        _("It was our mistake and has been noted. Nothing that was saved is lost."),
    )


def rate_limited(request: HttpRequest, retry_after: int) -> HttpResponse:
    """429, with what was typed in a form that sends it again; ``retry_after`` is in seconds."""
    typed = PendingForm.from_post(request) if request.method == "POST" else None
    wait = ngettext("Wait %(n)d second and try again.", "Wait %(n)d seconds and try again.", retry_after)
    page = error_page(
        request,
        429,
        _("That was often"),
        wait % {"n": retry_after},
        typed=typed,
        again=request.get_full_path(),
    )
    page.headers["Retry-After"] = str(retry_after)
    return page


def database_unavailable(request: HttpRequest) -> HttpResponse:
    """503, with what was typed in a form that sends it again."""
    typed = PendingForm.from_post(request) if request.method == "POST" else None
    title, words = _("The tasks cannot be reached"), _("It is not your mistake. Try again in a few seconds.")
    page = error_page(request, 503, title, words, typed=typed, again=request.get_full_path())
    page.headers["Retry-After"] = "5"
    page.database_unavailable = True  # type: ignore[attr-defined]  # for DatabaseErrorMiddleware
    return page


def signed_in_again(request: HttpRequest, typed: PendingForm) -> HttpResponse:
    """What was typed before signing in, to be sent to where it was going."""
    title, words = _("You are signed in again"), _("This is what you wrote. It is saved when you send it.")
    return error_page(request, 200, title, words, typed=typed)
