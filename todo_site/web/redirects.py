from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme


class SeeOther(HttpResponse):
    """303: the form was taken, and what to look at next is fetched with GET."""

    status_code = 303

    def __init__(self, to: str) -> None:
        super().__init__(headers={"Location": iri_to_uri(to)})

    @property
    def url(self) -> str:
        """Where to, as Django's own redirects say it, and its test client asks them."""
        return self.headers["Location"]


def next_url(request: HttpRequest) -> str | None:
    """The page of this site that the address's or the form's ``next`` names, if it is one.

    The address first: of a form with a button for each row it is that of the button, and knows the row.
    """
    target = request.GET.get("next") or request.POST.get("next") or ""
    return target if is_inside(target) else None


def is_inside(target: str) -> bool:
    """Whether this is the path of a page of this site, and of nowhere else."""
    return (
        target.startswith("/") and target.isprintable() and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    )
