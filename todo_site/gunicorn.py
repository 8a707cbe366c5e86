"""Gunicorn's configuration: ``gunicorn --config python:todo_site.gunicorn``.

The master process loads neither Django nor the settings, so that everything is new in the workers that a reload (HUP)
starts: code, templates, libraries and ``.env``. What it needs to know itself, another process reads for it.
"""

import ctypes
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

read = subprocess.run(
    [sys.executable, "-m", "todo_site.operations.server_options"],
    cwd=Path(__file__).resolve().parents[1],
    stdout=subprocess.PIPE,
    check=False,
)
if read.returncode:
    sys.exit(read.returncode)  # it has said why
settings = json.loads(read.stdout)
libc = ctypes.CDLL(None)
M_ARENA_MAX = -8  # of glibc's malloc.h; others have neither this nor malloc_trim
host, port, workers = settings["host"], settings["port"], settings["workers"]
in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  files with names made at random

wsgi_app = "todo_site.wsgi:application"
bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
worker_class = "gthread"
threads = settings["threads"]
max_requests = 10_000
max_requests_jitter = 1_000
worker_tmp_dir = in_memory
proc_name = "todo"
control_socket_disable = True

timeout = 30  # without a sign of life of a worker; long requests are none of its business
graceful_timeout = 15  # all of it passes where a browser holds a connection open on which it sent nothing
keepalive = 75  # longer than a proxy keeps its connections, so that it is never the proxy that finds one closed
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # Django reads X-Forwarded-* itself, by TRUSTED_PROXIES

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"default": {"()": "todo_site.operations.log_formatter.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "default"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},  # the site writes its own
    },
}


def on_starting(server: Any) -> None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="todo-metrics-", dir=in_memory)


def when_ready(server: Any) -> None:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    print(f"\n  To-do is ready at http://{shown}:{port}  (Ctrl+C stops it)\n", flush=True)


def pre_fork(server: Any, worker: Any) -> None:
    """Number the worker. The next one of the same number goes on counting in its files, so that they stay few."""
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    # glibc gives each thread a heap of its own, which grows to its own peak: 6 MB of a worker that nobody uses.
    if mallopt := getattr(libc, "mallopt", None):
        mallopt(M_ARENA_MAX, 1)

    from prometheus_client import values  # noqa: PLC0415  in the worker alone

    values.ValueClass = values.MultiProcessValue(lambda: worker.number)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """Compile the templates before the first request asks for them, and give back the memory that loading took."""
    from django.template import engines  # noqa: PLC0415  in the worker alone

    templates: Any = engines["jinja2"].env  # type: ignore[attr-defined]
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    gc.collect()
    if malloc_trim := getattr(libc, "malloc_trim", None):
        malloc_trim(0)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
