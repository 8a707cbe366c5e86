from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme


class SeeOther(HttpResponse):
    """A 303 redirect: the browser loads the next page with GET."""

    status_code = 303

    def __init__(self, to: str) -> None:
        super().__init__(headers={"Location": iri_to_uri(to)})

    @property
    def url(self) -> str:
        """Return the target. Django's test client reads this attribute."""
        return self.headers["Location"]


def next_url(request: HttpRequest) -> str | None:
    """Return the local page that the parameter ``next`` names, or None.

    The query string takes precedence: a button can name the page of its own row there, in a form for many rows.
    """
    target = request.GET.get("next") or request.POST.get("next") or ""
    return target if is_local_path(target) else None


def is_local_path(target: str) -> bool:
    """Return whether a URL is the path of a page of this site."""
    return (
        target.startswith("/") and target.isprintable() and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    )
