"""The site as a WSGI application that also writes each page it sends to the folder RECORDED_PAGES."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from time import time_ns
from typing import Any

from todo_site.wsgi import application as site

FOLDER = Path(os.environ["RECORDED_PAGES"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ.pop("HTTP_ACCEPT_ENCODING", None)  # to keep the page and not its compressed form
    said: dict[str, str] = {}

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        said.update(headers, status=status[:3])
        return start_response(status, headers, exc_info)

    answer: Any = site(environ, start)
    if said.get("Content-Type", "").startswith("text/html"):
        name = f"{said['status']} {environ['PATH_INFO'].strip('/').replace('/', '-')} {time_ns()}.html"
        # Django's redirects have this type too, and no page.
        if page := b"".join(answer):
            (FOLDER / name).write_bytes(page)
        answer.close()
        return [page]
    return answer  # type: ignore[no-any-return]
