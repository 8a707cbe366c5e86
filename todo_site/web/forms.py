from __future__ import annotations

from django.http import HttpRequest, QueryDict


def post_data(request: HttpRequest) -> QueryDict | None:
    """Return the data for a form whose view handles both GET and POST. None leaves the form unbound."""
    return request.POST if request.method == "POST" else None
