"""Pages in Brotli, for the browsers that take it: an eighth smaller than by gzip, in less time."""

from __future__ import annotations

import re
import secrets

import brotli
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

TAKES_BROTLI = re.compile(r"\bbr\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.ASCII)
QUALITY = 4  # 2 takes a third of its time, for a page that is a thirtieth larger; 5 takes half as long again


class CompressionMiddleware(GZipMiddleware):
    """As Django's, which pads at random, so that a length tells nothing of what is on a page (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # Only pages: what else there is has no place for the padding.
        is_page = response.headers.get("Content-Type", "").startswith("text/html") and not response.streaming
        if (
            not is_page
            or "Content-Encoding" in response.headers
            or not TAKES_BROTLI.search(request.headers.get("Accept-Encoding", ""))
        ):
            return super().process_response(request, response)
        patch_vary_headers(response, ["Accept-Encoding"])
        padding = secrets.token_hex(secrets.randbelow(self.max_random_bytes) + 1)
        page = response.content + f"<!-- {padding} -->".encode()  # type: ignore[attr-defined]
        response.content = brotli.compress(page, quality=QUALITY)  # type: ignore[attr-defined]
        response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        response.headers["Content-Encoding"] = "br"
        return response
