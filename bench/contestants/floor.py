"""The floor: what Python under gunicorn costs at the least. WSGI by hand, psycopg, f-strings, and nothing else."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import psycopg

from todo_site.better_auth import cookies

local = threading.local()

WHO = """
SELECT u.id, u.name FROM session s JOIN "user" u ON u.id = s."userId" WHERE s.token = %s AND s."expiresAt" >= now()
"""
ROWS = """
SELECT id::text, title, description, status, created_at FROM task WHERE user_id = %s AND status = 'pending'
ORDER BY created_at DESC, id DESC LIMIT 50
"""
COUNTS = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM task WHERE user_id = %s AND status = 'pending' LIMIT 1001) p),
       (SELECT count(*) FROM (SELECT 1 FROM task WHERE user_id = %s AND status = 'completed' LIMIT 1001) c)
"""


def database() -> psycopg.Connection[Any]:
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection[Any] = local.connection
    return connection


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Anything but a GET of / by somebody who is signed in is not answered: the load asks for nothing else."""
    pairs = dict(pair.strip().split("=", 1) for pair in environ["HTTP_COOKIE"].split(";"))
    token = cookies.unsign(pairs["better-auth.session_token"])
    user_id, name = database().execute(WHO, [token]).fetchone()  # type: ignore[misc]
    with database().pipeline():
        rows, counts = database().execute(ROWS, [user_id]), database().execute(COUNTS, [user_id, user_id])
    pending, completed = counts.fetchone()  # type: ignore[misc]
    items = "".join(item(*row) for row in rows)
    page = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tasks</title></head><body>
<header>{escape(name)}</header><nav><a href="?status=pending">Pending {pending}</a>
<a href="?status=completed">Completed {completed}</a></nav><form method="post"><ul>{items}</ul></form></body></html>"""
    body = page.encode()
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def item(task: str, title: str, description: str | None, status: str, created_at: Any) -> str:
    words, time = escape(title), created_at.strftime("%b %d, %Y, %H:%M")
    excerpt = f"<p>{escape(description[:140])}</p>" if description else ""
    return f"""<li id="task-{task}">
<button formaction="/tasks/{task}/status/" name="status" value="{status}"></button>
<a href="/tasks/{task}/">{words}</a>{excerpt}
<time datetime="{created_at.isoformat()}">{time}</time>
<a href="/tasks/{task}/edit/">Edit</a>
<input type="checkbox" name="task" value="{task}" aria-label="Select {words}"></li>
"""
