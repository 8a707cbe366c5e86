"""The floor: what Python under gunicorn costs at the least. WSGI by hand, psycopg, f-strings, and nothing else.

No journal, no CSRF token, no policy: a write is who is asking, one statement, and where to look next. Of the pages it
has the list alone, as it is without a question: the load asks for nothing else.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterable
from html import escape
from typing import Any
from urllib.parse import parse_qs

import psycopg

from bench.contestants.shared import COOKIE, SOCKETS, TEMPLATES, token_in

type Answer = tuple[str, list[tuple[str, str]], bytes]

local = threading.local()
HEAD, FIND, SORTS, BOTTOM = ((TEMPLATES / f"{name}.html").read_text() for name in ("head", "find", "sorts", "bottom"))
TASK = re.compile(r"/tasks/([0-9a-f-]{36})/(status|edit)/")

WHO = """
SELECT u.id, u.name, u.email FROM session s JOIN "user" u ON u.id = s."userId"
WHERE s.token = %s AND s."expiresAt" >= now()
"""
ROWS = """
SELECT id::text, title, description, created_at FROM task WHERE user_id = %s AND status = 'pending'
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
STATUS = "UPDATE task SET status = %s, updated_at = now() WHERE id = %s AND user_id = %s"
EDIT = """
UPDATE task SET title = %s, description = %s, status = %s, updated_at = now() WHERE id = %s AND user_id = %s
"""


def database() -> psycopg.Connection[Any]:
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(host=SOCKETS, user="postgres", dbname="postgres", autocommit=True)
    connection: psycopg.Connection[Any] = local.connection
    return connection


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, headers, body = answer(environ)
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def answer(environ: dict[str, Any]) -> Answer:
    pairs = dict(pair.strip().split("=", 1) for pair in environ.get("HTTP_COOKIE", "").split(";") if "=" in pair)
    person = database().execute(WHO, [token_in(pairs.get(COOKIE, ""))]).fetchone()
    if person is None:
        return "401 Unauthorized", [], b""
    if environ["REQUEST_METHOD"] == "POST":
        return write(environ, person[0])
    return "200 OK", [("Content-Type", "text/html; charset=utf-8")], page(*person).encode()


def write(environ: dict[str, Any], user_id: str) -> Answer:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    form = {name: values[0] for name, values in parse_qs(body).items()}
    title, status = form.get("title", "").strip(), form.get("status", "pending")
    one = TASK.fullmatch(environ["PATH_INFO"])
    if (not title and not (one and one[2] == "status")) or len(title) > 255 or status not in {"pending", "completed"}:
        return "422 Unprocessable Content", [], b""
    if one is None:
        done = database().execute(CREATE, [uuid.uuid4(), user_id, title, form.get("description")])
    elif one[2] == "status":
        done = database().execute(STATUS, [status, one[1], user_id])
    else:
        done = database().execute(EDIT, [title, form.get("description"), status, one[1], user_id])
    return ("303 See Other", [("Location", "/")], b"") if done.rowcount else ("404 Not Found", [], b"")


def page(user_id: str, name: str, email: str) -> str:
    with database().pipeline():
        found, counts = database().execute(ROWS, [user_id]), database().execute(COUNTS, [user_id, user_id])
    rows = found.fetchall()
    pending, completed = counts.fetchone()  # type: ignore[misc]
    items = "".join(item(*row) for row in rows[:50])
    older = '<a class="button" rel="next" href="?page=2">Older</a>' if len(rows) > 50 else ""
    return f"""<!doctype html>
<html lang="en" dir="ltr">
<head>
{HEAD}<title>Pending ({pending}) - To-do</title>
</head>
<body data-user="{escape(user_id)}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/"><img src="/static/site/icon.svg" alt="" width="28" height="28"> To-do</a>
<form class="account" method="post" action="/sign-out/">
<a class="who" href="/settings/" title="Settings of {escape(email)}"><bdi>{escape(name)}</bdi></a>
<button class="plain">Sign out</button>
</form>
</header>
<main id="main" tabindex="-1">
<div id="messages" class="messages" role="status"></div>
<div id="content">
<h1>Your tasks</h1>
<form class="quick-add" id="quick-add" method="post" action="/tasks/new/">
<label class="hidden" for="id_title">New task</label>
<input type="text" name="title" id="id_title" placeholder="What is to be done?" required autocomplete="off">
<button class="primary">Add</button>
<p class="more"><a href="/tasks/new/">with a description</a> · <a href="/tasks/paste/">several at once</a></p>
</form>
{FIND}<div id="list">
<nav class="filters" id="filters" aria-label="Which tasks">
<a href="?status=pending" aria-current="page">Pending <span class="count">{pending}</span></a>
<a href="?status=completed">Completed <span class="count">{completed}</span></a>
<a href="?status=all">All <span class="count">{pending + completed}</span></a>
</nav>
{SORTS}<form method="post">
<ul class="tasks">
{items}</ul>
</form>
<form class="bulk" id="bulk" method="post" action="/tasks/bulk/">
<fieldset>
<legend>With the selected tasks</legend>
<button name="action" value="complete">Complete</button><button name="action" value="delete">Delete</button>
</fieldset>
</form>
<nav class="pages" aria-label="Pages">{older}</nav>
</div>
</div>
</main>
{BOTTOM}</body>
</html>
"""


def item(task: str, title: str, description: str | None, created_at: Any) -> str:
    words, time = escape(title), created_at.strftime("%b %d, %Y, %H:%M UTC")
    excerpt = f'\n<p class="excerpt" dir="auto">{escape(description[:140])}</p>' if description else ""
    return f"""<li class="task" id="task-{task}">
<button class="tick" formaction="/tasks/{task}/status/" name="status" value="completed" aria-label="Complete “{words}”">
</button>
<div class="what">
<a class="title" href="/tasks/{task}/"><bdi>{words}</bdi></a>{excerpt}
</div>
<time datetime="{created_at.isoformat(timespec="seconds")}" title="{created_at.isoformat(" ", "seconds")}">{time}</time>
<div class="tools">
<a class="edit" href="/tasks/{task}/edit/" aria-label="Edit “{words}”">Edit</a>
<input type="checkbox" form="bulk" name="task" value="{task}" class="pick" aria-label="Select “{words}”">
</div>
</li>
"""
