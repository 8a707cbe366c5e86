from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.csp import build_policy

from . import GetResponse


class PageHeadersMiddleware:
    """Add the headers of pages, which static files do not have. Their values are the same for all pages.

    Caches and search engines must not store pages: after sign-out, the back button must not show them. The policy is
    the same for all pages, so Django's ContentSecurityPolicyMiddleware would build it again for each.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        policy: Any = settings.SECURE_CSP
        self.headers = {
            "Cache-Control": "private, no-store",
            "X-Robots-Tag": "noindex",
            "Content-Security-Policy": build_policy(policy),
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for header, value in self.headers.items():
            response.headers.setdefault(header, value)
        patch_vary_headers(response, ["Cookie", "Accept-Language"])
        return response
