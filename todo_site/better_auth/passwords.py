"""Better Auth's password hashes: ``salt:hex(scrypt(NFKC(password), salt))``. The salt is the text of 32 hex digits."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

N, R, P, LENGTH = 16384, 16, 1, 64
MIN_LENGTH, MAX_LENGTH = 8, 128


def _derive_key(password: str, salt: str) -> str:
    text = unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")
    key = hashlib.scrypt(text, salt=salt.encode(), n=N, r=R, p=P, dklen=LENGTH, maxmem=128 * N * R * 2)
    return key.hex()


def hash_password(password: str) -> str:
    salt = secrets.token_hex(16)
    return f"{salt}:{_derive_key(password, salt)}"


def verify_password(password: str, stored: str | None) -> bool:
    """Return whether a password matches a stored hash. Without a hash, return False after the same time."""
    salt, colon, key = (stored or "").partition(":")
    matches = hmac.compare_digest(_derive_key(password, salt or "0" * 32), key)
    return matches and bool(colon)


class LengthValidator:
    """Require 8 to 128 UTF-16 code units, as Better Auth does. An emoji counts twice."""

    def validate(self, password: str, user: object = None) -> None:
        length = len(password.encode("utf-16-le", errors="surrogatepass")) // 2
        if length < MIN_LENGTH:
            raise ValidationError(self.get_help_text(), code="password_too_short")
        if length > MAX_LENGTH:
            raise ValidationError(_("Use at most %(max)d characters.") % {"max": MAX_LENGTH}, code="password_too_long")

    def get_help_text(self) -> str:
        return _("Use at least %(min)d characters.") % {"min": MIN_LENGTH}
