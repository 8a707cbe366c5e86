"""Why an action of an accounts backend failed."""

from __future__ import annotations


class AccountError(Exception):
    """An action was rejected. ``message`` is for the user; ``field`` is the form field that it belongs to."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class AuthServerUnavailable(Exception):
    """The Better Auth server does not respond, is slow or sends an unknown reply. The message is for the log."""

    retry_after = 10
