"""What the contestants share: the signed session cookie, the folder of the database's socket, the templates.

It imports nothing outside the standard library: every import counts as memory of the floor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

SECRET = "only-for-the-benchmark-" + "b" * 40
SESSION_COOKIE = "better-auth.session_token"
TEMPLATES = Path(__file__).parent / "templates"


def sign(token: str) -> str:
    """Return the value of the session cookie as Better Auth signs it."""
    return quote(f"{token}.{signature(token)}", safe="")


def unsign(cookie: str) -> str | None:
    """Return the session token of a cookie, or None if its signature is wrong."""
    token, _, given = unquote(cookie).rpartition(".")
    return token if hmac.compare_digest(signature(token), given) else None


def signature(token: str) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), token.encode(), hashlib.sha256)).decode()


def socket_folder() -> str:
    """Return the folder of PostgreSQL's Unix socket."""
    return parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0]
