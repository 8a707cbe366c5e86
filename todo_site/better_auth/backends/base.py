from __future__ import annotations

from typing import Protocol

from django.http import HttpRequest, HttpResponseBase


class AccountsBackend(Protocol):
    """The functions of a backend. A backend is a module.

    Each function can add cookies to the response. Each except sign_out can raise AccountError, RateLimitExceeded and
    AuthServerUnavailable.
    """

    def sign_up(
        self, request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, name: str
    ) -> None:
        """Create an account and sign in."""

    def sign_in(
        self, request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, remember_me: bool
    ) -> None:
        """Start a session. The error is the same for a wrong password and an unknown e-mail address."""

    def sign_out(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """End the session of the request."""

    def confirm(self, request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
        """Check the password, before an action that cannot be undone. Without a password, require a new session."""

    def delete_account(
        self, request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None
    ) -> None:
        """Check the password like confirm(), then delete the account. Foreign keys delete the user's other rows."""

    def change_password(
        self, request: HttpRequest, response: HttpResponseBase, *, current_password: str, new_password: str
    ) -> None:
        """Change the password and end all other sessions."""

    def change_name(self, request: HttpRequest, response: HttpResponseBase, *, name: str) -> None: ...
