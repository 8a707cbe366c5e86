"""``python -m todo_site.operations.server_options``: print gunicorn's address, processes and threads as JSON."""

from __future__ import annotations

import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from todo_site import env

THREADS = 4  # of each worker


def listen() -> dict[str, str | int]:
    """Raises ImproperlyConfigured for any setting that is missing or malformed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")
    settings.INSTALLED_APPS  # noqa: B018  loads the settings, and with them .env
    return {
        "host": env.text("HOST", "127.0.0.1"),
        "port": env.integer("PORT", 8000, least=1, most=65535),
        "workers": workers(),
        "threads": THREADS,
    }


def workers() -> int:
    """Raises ImproperlyConfigured for a WEB_CONCURRENCY that is malformed."""
    return env.integer("WEB_CONCURRENCY", 0, least=0, most=256) or os.cpu_count() or 1


if __name__ == "__main__":
    try:
        print(json.dumps(listen()))
    except ImproperlyConfigured as error:
        sys.exit(str(error))
