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
from django.utils.translation import gettext_lazy

from .outage import is_outage

FIELDS = {"title": gettext_lazy("Title"), "description": gettext_lazy("Description")}


def error_page(request: HttpRequest, status: int, title: str, words: str, **context: Any) -> HttpResponse:
    request_id = getattr(request, "id", "")
    page = {"status": status, "title": title, "words": words, "request_id": request_id, "held": [], **context}
    return render(request, "site/error.html", page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return too_large(request)
    return error_page(
        request, 400, _("That cannot be read"), _("Something in the address or the form is not as it should be.")
    )


def too_large(request: HttpRequest) -> HttpResponse:
    # A browser shows the answer only after it has sent everything; of what nobody would take the rest is left unread.
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= settings.MAX_BODY_SIZE:
        with suppress(OSError):
            while request.read(2**16):
                pass
    return error_page(
        request, 413, _("That is too much at once"), _("Nothing was saved. Go back and send less, or send it in parts.")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, _("Not allowed"), _("Your account may not open this page."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        403,
        _("The form could not be checked"),
        _("Go back, load the page again and send the form once more. Cookies have to be allowed for this site."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404, _("Not found"), _("There is nothing at this address, or it is not yours."))


def server_error(request: HttpRequest) -> HttpResponse:
    if is_outage(sys.exception()):
        return database_away(request)
    return error_page(
        request,
        500,
        _("Something went wrong"),
        _("It was our mistake and has been noted. Nothing that was saved is lost."),
    )


def database_away(request: HttpRequest) -> HttpResponse:
    """503, with what was typed in a form that sends it again."""
    posted = request.POST.items() if request.method == "POST" else ()
    held = [(name, FIELDS.get(name), text) for name, text in posted if is_kept(name)]
    title, words = _("The tasks cannot be reached"), _("It is not your mistake. Try again in a few seconds.")
    page = error_page(request, 503, title, words, held=held, again=request.get_full_path())
    page.headers["Retry-After"] = "5"
    page.database_away = True  # type: ignore[attr-defined]  # for OutageMiddleware
    return page


def is_kept(field: str) -> bool:
    return field != "csrfmiddlewaretoken" and "password" not in field
