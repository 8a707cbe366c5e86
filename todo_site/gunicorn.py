"""Gunicorn's configuration: ``gunicorn --config python:todo_site.gunicorn``.

The master process imports neither Django nor the settings: after a reload (HUP), new workers load the current code,
templates, libraries and ``.env``. A subprocess reads the options that the master needs.
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

process = subprocess.run(
    [sys.executable, "-m", "todo_site.operations.server_options"],
    cwd=Path(__file__).resolve().parents[1],
    stdout=subprocess.PIPE,
    check=False,
)
if process.returncode:
    sys.exit(process.returncode)  # the subprocess printed the reason
options = json.loads(process.stdout)
libc = ctypes.CDLL(None)
M_ARENA_MAX = -8  # from glibc's malloc.h
host, port, workers = options["host"], options["port"], options["workers"]
memory_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  file names are random

wsgi_app = "todo_site.wsgi:application"
bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
worker_class = "gthread"
threads = options["threads"]
max_requests = 10_000
max_requests_jitter = 1_000
worker_tmp_dir = memory_dir
proc_name = "todo"
control_socket_disable = True

timeout = 30  # for the heartbeat of a worker; requests may take longer
graceful_timeout = 15  # a browser's idle connection makes a worker wait for all of it
keepalive = 75  # longer than a proxy's idle timeout: a proxy must not send a request on a closed connection
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # Django reads X-Forwarded-* itself, see TRUSTED_PROXIES

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"default": {"()": "todo_site.operations.log_formatter.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "default"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # The site writes its own access log.
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}


def on_starting(server: Any) -> None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="todo-metrics-", dir=memory_dir)


def when_ready(server: Any) -> None:
    address = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    print(f"\n  To-do is ready at http://{address}:{port}  (Ctrl+C stops it)\n", flush=True)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker the lowest free number. A new worker continues the metric files of an old one with its number."""
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    # By default, glibc keeps a heap for each thread: 6 MB of unused memory in a worker.
    if mallopt := getattr(libc, "mallopt", None):
        mallopt(M_ARENA_MAX, 1)

    from prometheus_client import values  # noqa: PLC0415  not in the master

    values.ValueClass = values.MultiProcessValue(lambda: worker.number)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """Compile all templates before the first request, and release the memory that this used.

    What exists now stays: freezing it spares the requests a garbage collection of 25 ms that stops all threads.
    """
    from django.template import engines  # noqa: PLC0415  not in the master

    templates: Any = engines["jinja2"].env  # type: ignore[attr-defined]
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    gc.collect()
    gc.freeze()
    if malloc_trim := getattr(libc, "malloc_trim", None):
        malloc_trim(0)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
