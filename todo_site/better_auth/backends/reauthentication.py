"""Checks before an action that cannot be undone, for both backends."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from todo_site.better_auth import sessions
from todo_site.better_auth.exceptions import AccountError
from todo_site.better_auth.models import Account


def has_password(request: HttpRequest) -> bool:
    """Return whether the account has a password. With a Better Auth server, other ways to sign in are possible."""
    accounts = Account.objects.filter(provider_id="credential", user=request.user.pk, password__isnull=False)
    return accounts.exists()


def require_new_session(request: HttpRequest) -> None:
    """Raise AccountError, unless the account has no password and its user has just signed in."""
    if has_password(request) or not sessions.is_fresh(request):
        raise AccountError(
            _("Sign out and sign in again to confirm that it is you. Then repeat this within ten minutes.")
        )
