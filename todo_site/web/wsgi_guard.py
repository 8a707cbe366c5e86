"""What stands around Django: it answers for what would make Django fail before any middleware of ours runs.

Django decodes the whole request, its address included, by the charset that the Content-Type names, and reads that
header while the request is made: a charset that it does not know, or one that is no text, would be our mistake (500).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

REFUSED = "todo.content_type_refused"  # for ContentTypeMiddleware, which says it on a page
READABLE = re.compile(
    r"""(?: application/x-www-form-urlencoded
          | multipart/form-data ; [ ]* boundary = ("?) [\w'()+,./:=?-]{1,70} \1
          | application/(?: csp-report | reports\+json )
        ) (?: ; [ ]* charset = "? utf-8 "? )?""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)

type Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class RequestGuard:
    """Hands Django no Content-Type but those of the forms and reports that it can read."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.pop("CONTENT_TYPE", "")
        if environ["REQUEST_METHOD"] == "POST" and said:  # what else has a body is not read
            if READABLE.fullmatch(said):
                environ["CONTENT_TYPE"] = said
            else:
                environ[REFUSED] = True
        return self.application(environ, start_response)
