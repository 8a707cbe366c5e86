"""Options of the server. ``python -m todo_site.operations.server_options`` prints them as JSON."""

from __future__ import annotations

import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from todo_site import env

THREADS_PER_WORKER = 4


def read_server_options() -> dict[str, str | int]:
    """Return host, port, workers and threads. Raise ImproperlyConfigured for any malformed or missing setting."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")
    settings.INSTALLED_APPS  # noqa: B018  loads the settings and .env
    return {
        "host": env.text("HOST", "127.0.0.1"),
        "port": env.integer("PORT", 8000, min_value=1, max_value=65535),
        "workers": worker_count(),
        "threads": THREADS_PER_WORKER,
    }


def worker_count() -> int:
    """Return WEB_CONCURRENCY, or the number of cores. Raise ImproperlyConfigured if it is malformed."""
    return env.integer("WEB_CONCURRENCY", 0, min_value=0, max_value=256) or os.cpu_count() or 1


if __name__ == "__main__":
    try:
        print(json.dumps(read_server_options()))
    except ImproperlyConfigured as error:
        sys.exit(str(error))
