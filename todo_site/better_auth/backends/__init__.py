"""The two backends of accounts: a Better Auth server (remote), or its tables without a server (embedded)."""

from django.conf import settings

from . import embedded
from .base import AccountsBackend


def get_backend() -> AccountsBackend:
    if settings.BETTER_AUTH_URL:
        from . import remote  # noqa: PLC0415  its HTTP client takes 1 MB

        return remote
    return embedded
