from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# A URL ends at white space, quotes, angle brackets, invisible characters and characters that change text direction.
URL = re.compile(r"\bhttps?://[^\s<>\"'`\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+", re.IGNORECASE)
BRACKETS = {")": "(", "]": "[", "}": "{"}
PUNCTUATION = ".,;:!?*_~…“”‘’»›"


def linkify(text: str) -> SafeString:
    """Return escaped HTML in which the http and https URLs of the text are links."""
    parts, end = [], 0
    for match in URL.finditer(text):
        url = strip_punctuation(match.group())
        if is_safe_url(url):
            link = '<a href="{0}" rel="noopener noreferrer nofollow">{0}</a>'
            parts += [escape(text[end : match.start()]), format_html(link, url)]
            end = match.start() + len(url)
    return mark_safe("".join([*parts, escape(text[end:])]))  # noqa: S308  every part is escaped


def strip_punctuation(url: str) -> str:
    """Remove trailing punctuation of the sentence, and closing brackets that the URL does not open."""
    unopened = {closing: url.count(closing) - url.count(opening) for closing, opening in BRACKETS.items()}
    end = len(url)
    while end and (url[end - 1] in PUNCTUATION or unopened.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in BRACKETS:
            unopened[url[end]] -= 1
    return url[:end]


def is_safe_url(url: str) -> bool:
    """Return whether a URL has a host and no user name: ``https://bank.example@evil.example`` leads to evil.example."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
