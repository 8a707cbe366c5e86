"""The two backends of accounts: a Better Auth server (remote), or its tables without a server (embedded)."""

from django.conf import settings

from . import embedded, remote
from .base import AccountsBackend


def get_backend() -> AccountsBackend:
    if settings.BETTER_AUTH_URL:
        return remote
    return embedded
