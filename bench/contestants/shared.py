"""What all contestants but the site share: the secret of the cookies and the folder of the database, as named to them.

Nothing of Django is loaded for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COOKIE = "better-auth.session_token"
TEMPLATES = Path(__file__).parent / "templates"
SECRET = os.environ["BETTER_AUTH_SECRET"].encode()
SOCKETS = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0]


def token_in(cookie: str) -> str | None:
    """The session's token in the value of the cookie, if it was signed with our secret."""
    token, _dot, signature = unquote(cookie).rpartition(".")
    genuine = base64.b64encode(hmac.digest(SECRET, token.encode(), hashlib.sha256)).decode()
    return token if hmac.compare_digest(genuine, signature) else None
