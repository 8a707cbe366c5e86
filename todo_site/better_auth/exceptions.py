"""Why a sign-up, a sign-in or a change of an account did not happen."""

from __future__ import annotations


class AccountError(Exception):
    """It was not accepted: words for the person, and the field of the form that they belong to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class AuthServerUnavailable(Exception):
    """The Better Auth server is away, slow, or answers what cannot be understood. Says what happened, for the log."""

    retry_after = 10
