"""A WSGI wrapper for requests that Django cannot parse.

Django decodes the URL and the body with the charset of the Content-Type, before any middleware runs. An unknown charset
would cause a 500.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .web.middleware import UNSUPPORTED_CONTENT_TYPE

SUPPORTED_CONTENT_TYPES = re.compile(
    r"""(?: application/x-www-form-urlencoded
          | multipart/form-data ; [ ]* boundary = ("?) [\w'()+,./:=?-]{1,70} \1
          | application/(?: csp-report | reports\+json )
        ) (?: ; [ ]* charset = "? utf-8 "? )?""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)

type Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class RequestGuard:
    """Pass only supported Content-Types on to Django: those of forms and of CSP reports."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.pop("CONTENT_TYPE", "")
        if environ["REQUEST_METHOD"] == "POST" and content_type:  # no view reads the body of another method
            if SUPPORTED_CONTENT_TYPES.fullmatch(content_type):
                environ["CONTENT_TYPE"] = content_type
            else:
                environ[UNSUPPORTED_CONTENT_TYPE] = True
        return self.application(environ, start_response)
