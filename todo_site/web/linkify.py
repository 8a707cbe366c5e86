from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# Up to white space, quotes, angle brackets, and characters that cannot be seen or turn the direction of text.
ADDRESS = re.compile(
    r"\bhttps?://[^\s<>\"'`\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+", re.IGNORECASE
)
CLOSING = {")": "(", "]": "[", "}": "{"}
TRAILING = ".,;:!?*_~…“”‘’»›"


def linkify(text: str) -> SafeString:
    """The text as HTML, in which each http and https address is a link. Everything else stays text."""
    parts, end = [], 0
    for match in ADDRESS.finditer(text):
        address = without_punctuation(match.group())
        if is_address(address):
            link = '<a href="{0}" rel="noopener noreferrer nofollow">{0}</a>'
            parts += [escape(text[end : match.start()]), format_html(link, address)]
            end = match.start() + len(address)
    return mark_safe("".join([*parts, escape(text[end:])]))  # noqa: S308  every part is escaped


def without_punctuation(address: str) -> str:
    """The address without what belongs to the sentence around it: a full stop, a bracket that it did not open."""
    unopened = {close: address.count(close) - address.count(opening) for close, opening in CLOSING.items()}
    end = len(address)
    while end and (address[end - 1] in TRAILING or unopened.get(address[end - 1], 0) > 0):
        end -= 1
        if address[end] in CLOSING:
            unopened[address[end]] -= 1
    return address[:end]


def is_address(address: str) -> bool:
    """Whether it names a host, and no user: what stands before an @ only looks like where the link goes."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
