"""Bearer tokens: JWTs that the Better Auth server signed, checked against its published keys (RFC 8725)."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest
from jwt.utils import base64url_decode

from . import client, sessions
from .exceptions import AuthServerUnavailable
from .models import User

# What the server may be configured to sign with: public keys only, so that no published key can be taken for a secret.
ALGORITHMS = {"EdDSA", "ES256", "ES512", "RS256", "PS256"}
KEYS_LIFETIME = 300
KEYS_COOLDOWN = 30
MAX_LENGTH = 8192


@dataclass
class KeySet:
    """The server's public keys, by kid. Times are in seconds of the monotonic clock."""

    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    asked_at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key with this id. Asks the server every five minutes, and for an unknown id, but never twice in 30 s."""
        with self.lock:
            wait = KEYS_LIFETIME if kid in self.keys else KEYS_COOLDOWN
            if monotonic() - self.asked_at > wait:
                self.asked_at = monotonic()
                self.refresh()
            return self.keys.get(kid)

    def refresh(self) -> None:
        try:
            published = client.get("/jwks").body.get("keys", [])
        except AuthServerUnavailable:
            return  # the keys that are known go on working while the server is away
        found = (read_key(data) for data in published if isinstance(data, dict))
        self.keys = {key.key_id: key for key in found if key and key.key_id}


_key_sets: dict[str, KeySet] = {}


def key_set() -> KeySet:
    """The keys of the server at BETTER_AUTH_URL, shared by all requests of this process."""
    return _key_sets.setdefault(settings.BETTER_AUTH_URL, KeySet())


def read_key(data: dict[str, Any]) -> jwt.PyJWK | None:
    try:
        key = jwt.PyJWK.from_dict(data)
    except jwt.PyJWTError:
        return None
    return key if key.algorithm_name in ALGORITHMS else None


def bearer(request: HttpRequest) -> str | None:
    """What the Authorization header carries as a bearer token; None without such a header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def find_user(token: str) -> User | None:
    """The live user whom a token was made for; None for anything that is not a valid token. Never raises for input."""
    claims = verify(token) if settings.BETTER_AUTH_URL and len(token) <= MAX_LENGTH else None
    return sessions.find_by_id(claims["sub"]) if claims else None


def verify(token: str) -> dict[str, Any] | None:
    """The claims of a token that the server signed for itself and that has not expired; None for any other."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        # "typ" tells the server's other JWTs, such as its cookie cache, from the ones that are meant to be shown.
        if not isinstance(kid, str) or header.get("typ", "JWT") != "JWT":
            return None
        key = key_set().find(kid)
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
        return claims if is_strict(token, claims) else None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def is_strict(token: str, claims: dict[str, Any]) -> bool:
    """What PyJWT lets pass: claims that come twice, times that are no numbers, an empty subject."""
    times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    numbers = all(isinstance(time, int | float) and not isinstance(time, bool) for time in times)
    subject = claims["sub"]
    json.loads(base64url_decode(token.split(".")[1]), object_pairs_hook=unique)
    return numbers and isinstance(subject, str) and bool(subject)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError  # a name comes twice
    return dict(pairs)
