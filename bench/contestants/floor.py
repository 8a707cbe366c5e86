"""The floor: a bare WSGI application with psycopg and string formatting. It shows the least that a page can cost.

It has no journal, no CSRF protection and no row-level security. A write is the look-up of the user and one statement.
It serves the list without filters and the writes that the load sends, and no other page.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterable
from html import escape
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import psycopg

from bench.contestants.shared import SESSION_COOKIE, TEMPLATES, socket_folder, unsign

type Response = tuple[str, list[tuple[str, str]], bytes]

USER = """
SELECT u.id, u.name, u.email FROM session s JOIN "user" u ON u.id = s."userId"
WHERE s.token = %s AND s."expiresAt" >= now()
"""
TASKS = """
SELECT id::text, title, description FROM task WHERE user_id = %s AND status = 'pending'
ORDER BY created_at DESC, id DESC LIMIT 51
"""
COUNTS = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM task WHERE user_id = %s AND status = 'pending' LIMIT 1001) p),
       (SELECT count(*) FROM (SELECT 1 FROM task WHERE user_id = %s AND status = 'completed' LIMIT 1001) c)
"""
CREATE = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
VALUES (%s, %s, %s, %s, 'pending', now(), now())
"""
SET_STATUS = "UPDATE task SET status = %s, updated_at = now() WHERE id = %s AND user_id = %s"
EDIT = """
UPDATE task SET title = %s, description = %s, status = %s, updated_at = now() WHERE id = %s AND user_id = %s
"""
DELETE = "DELETE FROM task WHERE id = %s AND user_id = %s"
TASK_URL = re.compile(r"/tasks/([0-9a-f-]{36})/(status|edit|delete)/")

local = threading.local()


def as_format(template: str) -> str:
    """Return the template as a string for str.format(): blocks and variables become replacement fields."""
    template = re.sub(r"{% block (\w+) %}{% endblock %}", r"{\1}", template)
    return re.sub(r"{{ ([\w.]+) }}", r"{\1}", template)


PAGE = as_format((TEMPLATES / "page.html").read_text())


def database() -> psycopg.Connection[Any]:
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(host=socket_folder(), user="peer", dbname="postgres", autocommit=True)
    connection: psycopg.Connection[Any] = local.connection
    return connection


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, headers, body = respond(environ)
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def respond(environ: dict[str, Any]) -> Response:
    cookies = dict(pair.strip().split("=", 1) for pair in environ.get("HTTP_COOKIE", "").split(";") if "=" in pair)
    user = database().execute(USER, [unsign(cookies.get(SESSION_COOKIE, ""))]).fetchone()
    if user is None:
        return "401 Unauthorized", [], b""
    if environ["REQUEST_METHOD"] == "POST":
        return write(environ, user[0])
    return "200 OK", [("Content-Type", "text/html; charset=utf-8")], render_list(*user).encode()


def write(environ: dict[str, Any], user_id: str) -> Response:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    form = {name: values[0] for name, values in parse_qs(body).items()}
    title, status = form.get("title", "").strip(), form.get("status", "pending")
    task = TASK_URL.fullmatch(environ["PATH_INFO"])
    needs_title = not (task and task[2] in {"status", "delete"})
    if (needs_title and not title) or len(title) > 255 or status not in {"pending", "completed"}:
        return "422 Unprocessable Content", [], b""
    if task is None:
        cursor = database().execute(CREATE, [uuid.uuid4(), user_id, title, form.get("description")])
    elif needs_title:
        cursor = database().execute(EDIT, [title, form.get("description"), status, task[1], user_id])
    elif task[2] == "delete":
        cursor = database().execute(DELETE, [task[1], user_id])
    else:
        cursor = database().execute(SET_STATUS, [status, task[1], user_id])
    return ("303 See Other", [("Location", "/")], b"") if cursor.rowcount else ("404 Not Found", [], b"")


def render_list(user_id: str, name: str, email: str) -> str:
    with database().pipeline():
        tasks, counts = database().execute(TASKS, [user_id]), database().execute(COUNTS, [user_id, user_id])
    rows = tasks.fetchall()
    pending, completed = counts.fetchone()  # type: ignore[misc]
    items = "".join(render_task(number, *row) for number, row in enumerate(rows[:50], 1))
    return PAGE.format(
        user=SimpleNamespace(id=escape(user_id), name=escape(name), email=escape(email)),
        counts=SimpleNamespace(pending=pending, completed=completed, all=pending + completed),
        tasks=f'<form method="post">\n<ul class="tasks">\n{items}</ul>\n</form>',
        pagination='<a class="button" rel="next" href="?page=2">Older</a>' if len(rows) > 50 else "",
        csrf_sign_out="",
        csrf_new="",
    )


def render_task(row: int, task_id: str, title: str, description: str | None) -> str:
    title = escape(title)
    excerpt = f'<p class="excerpt" dir="auto">{escape(description[:140])}</p>' if description else ""
    return (
        f'<li class="task" id="task-{task_id}"><button id="row-{row}" formaction="tasks/{task_id}/status/?row={row}" '
        f'name="status" value="completed" aria-label="Complete “{title}”"></button>'
        f'<div><a class="title" href="tasks/{task_id}/"><bdi>{title}</bdi></a>{excerpt}</div>'
        f'<a href="tasks/{task_id}/edit/" aria-label="Edit “{title}”">Edit</a></li>\n'
    )
