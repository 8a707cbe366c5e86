"""Bearer tokens: JWTs of the Better Auth server, verified with its published keys as RFC 8725 requires.

The libraries for this take 10 MB. They are imported for the first token that is verified, and not in every worker.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from . import sessions
from .exceptions import AuthServerUnavailable
from .models import User

if TYPE_CHECKING:
    import jwt

# Only algorithms with public keys: otherwise a published key could be used as an HMAC secret.
ALGORITHMS = {"EdDSA", "ES256", "ES512", "RS256", "PS256"}
KEYS_LIFETIME = 300
KEYS_COOLDOWN = 30
MAX_LENGTH = 8192


@dataclass
class KeySet:
    """The server's public keys by key id. ``requested_at`` is in seconds of the monotonic clock."""

    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    requested_at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> jwt.PyJWK | None:
        """Return a key. Request the keys every five minutes, or for an unknown id, at most every 30 seconds."""
        with self.lock:
            wait = KEYS_LIFETIME if kid in self.keys else KEYS_COOLDOWN
            if monotonic() - self.requested_at > wait:
                self.requested_at = monotonic()
                self.refresh()
            return self.keys.get(kid)

    def refresh(self) -> None:
        from . import client  # noqa: PLC0415

        try:
            published = client.get("/jwks").body.get("keys", [])
        except AuthServerUnavailable:
            return  # the known keys stay valid
        found = (parse_key(data) for data in published if isinstance(data, dict))
        self.keys = {key.key_id: key for key in found if key and key.key_id}


_key_sets: dict[str, KeySet] = {}


def get_key_set() -> KeySet:
    """Return the keys of the server at BETTER_AUTH_URL. All requests of this process share them."""
    return _key_sets.setdefault(settings.BETTER_AUTH_URL, KeySet())


def parse_key(data: dict[str, Any]) -> jwt.PyJWK | None:
    import jwt  # noqa: PLC0415

    try:
        key = jwt.PyJWK.from_dict(data)
    except jwt.PyJWTError:
        return None
    return key if key.algorithm_name in ALGORITHMS else None


def get_token(request: HttpRequest) -> str | None:
    """Return the bearer token of the Authorization header, or None if there is no such header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def find_user(token: str) -> User | None:
    """Return the user of a valid token, or None. Never raise an exception for a malformed token."""
    claims = verify(token) if settings.BETTER_AUTH_URL and len(token) <= MAX_LENGTH else None
    return sessions.find_user_by_id(claims["sub"]) if claims else None


def verify(token: str) -> dict[str, Any] | None:
    """Return the claims of a token that the server signed, that is meant for it and has not expired, or None."""
    import jwt  # noqa: PLC0415

    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        # The server's other JWTs, such as its cookie cache, have another "typ".
        if not isinstance(kid, str) or header.get("typ", "JWT") != "JWT":
            return None
        key = get_key_set().find(kid)
        if key is None or header.get("alg") != key.algorithm_name:
            return None
        origin = settings.BETTER_AUTH_URL
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=origin,
            issuer=origin,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
        return claims if has_strict_claims(token, claims) else None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def has_strict_claims(token: str, claims: dict[str, Any]) -> bool:
    """Check what PyJWT accepts: duplicate claims (ValueError), times that are not numbers, an empty subject."""
    from jwt.utils import base64url_decode  # noqa: PLC0415

    times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    numbers = all(isinstance(time, int | float) and not isinstance(time, bool) for time in times)
    subject = claims["sub"]
    json.loads(base64url_decode(token.split(".")[1]), object_pairs_hook=reject_duplicates)
    return numbers and isinstance(subject, str) and bool(subject)


def reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)
