"""Gunicorn's configuration: ``gunicorn --config python:todo_site.gunicorn``."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from todo_site import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")
try:
    settings.INSTALLED_APPS  # noqa: B018  loads the settings, and with them .env
    host = environment.text("HOST", "127.0.0.1")
    port = environment.integer("PORT", 8000, least=1, most=65535)
    workers = environment.integer("WEB_CONCURRENCY", 0, least=0, most=256) or os.cpu_count() or 1
except ImproperlyConfigured as error:
    sys.exit(str(error))

wsgi_app = "todo_site.wsgi:application"
bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
worker_class = "gthread"
threads = 4
proc_name = "todo"
forwarded_allow_ips = ""  # Django reads X-Forwarded-* itself, by TRUSTED_PROXIES
control_socket_disable = True


def when_ready(server: Any) -> None:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    print(f"\n  To-do is ready at http://{shown}:{port}  (Ctrl+C stops it)\n", flush=True)
