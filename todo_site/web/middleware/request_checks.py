from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from todo_site.web.error_views import render_error_page

from . import UNSUPPORTED_CONTENT_TYPE, GetResponse


class RequestChecksMiddleware:
    """Reject requests that no view supports, before their body is read."""

    METHODS = ["GET", "HEAD", "POST"]  # the admin's views would handle others like GET

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in self.METHODS:
            return HttpResponseNotAllowed(self.METHODS)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.REQUEST_MAX_BYTES:  # Django's own limit does not count files
            raise RequestDataTooBig("The request body is larger than REQUEST_MAX_BYTES.")
        if UNSUPPORTED_CONTENT_TYPE in request.META:
            title = _("Unsupported form data")
            message = _("Nothing was saved. Send the form in UTF-8, as browsers do.")
            return render_error_page(request, 415, title, message)
        return self.get_response(request)
