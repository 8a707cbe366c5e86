from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from todo_site.web import wsgi_guard
from todo_site.web.error_views import render_error_page

from . import GetResponse


class ContentTypeMiddleware:
    """Says in words that a form came in a shape, or in an encoding, in which no page of this site sends one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if wsgi_guard.REFUSED not in request.META:
            return self.get_response(request)
        title, words = (
            _("That is no form of this site"),
            _("Nothing was saved. Send forms as a browser does, in UTF-8."),
        )
        return render_error_page(request, 415, title, words)
