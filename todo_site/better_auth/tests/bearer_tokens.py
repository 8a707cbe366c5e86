"""Bearer tokens as the Better Auth server signs them, and its keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.test import Client
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from todo_site.better_auth.models import User

KEYS: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "RS256": (rsa_key := rsa.generate_private_key(65537, 2048)),
    "PS256": rsa_key,
}
WRITERS: dict[str, Any] = {"EdDSA": OKPAlgorithm, "ES256": ECAlgorithm, "ES512": ECAlgorithm}


def public_jwk(algorithm: str, key: Any = None) -> dict[str, Any]:
    """Return the public part of our key for an algorithm, or of another one."""
    private = key or KEYS[algorithm]
    found: dict[str, Any] = json.loads(WRITERS.get(algorithm, RSAAlgorithm).to_jwk(private.public_key()))
    return found


def claims(user: User, auth: str, **changes: Any) -> dict[str, Any]:
    """What the server says in a token. In changes a timedelta counts from now, and ... takes a claim out."""
    now = datetime.now(UTC)
    made = {"sub": user.id, "iss": auth, "aud": auth, "iat": now, "exp": timedelta(minutes=15), **changes}
    made = {name: now + value if isinstance(value, timedelta) else value for name, value in made.items()}
    return {name: value for name, value in made.items() if value is not ...}


def sign(payload: dict[str, Any], kid: str | None, algorithm: str = "EdDSA", key: Any = None, **header: Any) -> str:
    return jwt.encode(payload, key or KEYS[algorithm], algorithm, headers={"kid": kid, **header})


def status(token: str) -> int:
    return Client().get("/", headers={"Authorization": f"Bearer {token}"}).status_code
