"""The pages that answer when nothing else can. They stand alone: no database, no session, no user."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def error_page(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    context = {"status": status, "title": title, "words": words, "request_id": getattr(request, "id", "")}
    return render(request, "site/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request, 400, _("That cannot be read"), _("Something in the address or the form is not as it should be.")
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
    return error_page(
        request,
        500,
        _("Something went wrong"),
        _("It was our mistake and has been noted. Nothing that was saved is lost."),
    )
