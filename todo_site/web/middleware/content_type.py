from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from todo_site.web import wsgi_guard
from todo_site.web.error_views import render_error_page

from . import GetResponse


class ContentTypeMiddleware:
    """Return 415 for a request whose Content-Type RequestGuard rejected."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if wsgi_guard.UNSUPPORTED_CONTENT_TYPE not in request.META:
            return self.get_response(request)
        title = _("Unsupported form data")
        message = _("Nothing was saved. Send the form in UTF-8, as browsers do.")
        return render_error_page(request, 415, title, message)
