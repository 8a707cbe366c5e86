"""Downloads exports, and texts that are hard to export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.test import Client

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''+1", "＝1", "＠x"]
NASTY = [*FORMULAS, "'tis", "a,b;c", 'a "quoted" one', "two\nlines", "\u202eRTL", "🎉" * 255, "<b>{{ 1 }}</b> %s \\"]


def pieces(client: Client, path: str) -> Iterator[bytes]:
    response: Any = client.get(path)
    assert response.streaming
    return iter(response)


def whole(client: Client, path: str) -> bytes:
    return b"".join(pieces(client, path))
