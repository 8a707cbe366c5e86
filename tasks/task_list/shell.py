"""The list page as a shell: the template, rendered once for each shape of the page, with places for what differs.

The template gets stand-ins that have places and nothing else, so a shell cannot contain anything of the user whose
request rendered it. What users wrote is filled in after the shell was split at its places.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import jinja2
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from markupsafe import escape

from todo_site.preferences.middleware import get_preferences
from todo_site.web.csrf import get_csrf_token
from todo_site.web.server_timing import measure
from todo_site.web.templates import format_csrf_input

from .filters import TaskListQuery
from .pagination import SORTS, Cursor, Page
from .search import Search

TEMPLATE = "tasks/list.html"
# Letters and digits, which neither HTML nor a URL escapes.
PLACE = re.compile(r"zq0([a-z_]+)0qz")


class Shape(NamedTuple):
    """Everything that the template branches on, for a list with tasks and without a search and messages.

    The template can use no other value of a user or request: a stand-in without it raises an error.
    """

    language: str | None
    script_prefix: str
    theme: str
    density: str
    shortcuts: bool
    has_time_zone: bool
    status: str
    sort: str
    is_select_mode: bool
    has_cursor: bool
    has_previous: bool
    has_next: bool


@dataclass(frozen=True)
class Shell:
    """A page that was split at its places. Every second text is a placeholder."""

    texts: list[bytes]
    places: list[str]

    def fill(self, values: dict[str, bytes]) -> bytes:
        pieces = self.texts[:]
        pieces[1::2] = [values[name] for name in self.places]
        return b"".join(pieces)


@dataclass(frozen=True)
class CursorPlace:
    name: str

    def serialize(self, owner: str) -> str:
        return place(self.name)


def place(name: str) -> SafeString:
    return SafeString(f"zq0{name}0qz")


@dataclass(frozen=True)
class ListContext:
    """The content of a list page. Its fields are the variables of the template."""

    query: TaskListQuery
    cursor: Cursor | None
    page: Page
    counts: dict[str, str]
    rows: bytes
    new_id: uuid.UUID
    here: str
    printed_at: SafeString

    def for_template(self) -> dict[str, Any]:
        return {**vars(self), "rows": SafeString(self.rows.decode())}


def render_list(request: HttpRequest, context: ListContext) -> HttpResponse:
    """Return the list page. Most pages are filled shells; the others are rendered from the same template."""
    is_plain = context.page.tasks and not context.query.search.typed and not len(get_messages(request))
    if not is_plain:
        return render(request, TEMPLATE, context.for_template())
    with measure(request, "render"):
        return HttpResponse(fill_shell(request, context))


def fill_shell(request: Any, context: ListContext) -> bytes:
    user, query, page = request.user, context.query, context.page
    cursors = {"cursor": context.cursor, "previous": page.previous, "next": page.next}
    values = {
        "token": get_csrf_token(request),
        "user_id": user.pk,
        "user_email": user.email,
        "user_name": user.name or user.email,
        "new_id": context.new_id,
        "here": context.here,
        "printed_at": context.printed_at,
        **context.counts,
        **{name: quote_plus(cursor.serialize(query.owner)) for name, cursor in cursors.items() if cursor},
    }
    escaped = {name: escape(value).encode() for name, value in values.items()}
    return get_shell(get_shape(request, context)).fill({**escaped, "rows": context.rows})


def get_shape(request: HttpRequest, context: ListContext) -> Shape:
    query, page, preferences = context.query, context.page, get_preferences(request)
    return Shape(
        get_language(),
        get_script_prefix(),
        preferences.theme,
        preferences.density,
        preferences.shortcuts,
        bool(preferences.time_zone),
        query.status,
        query.sort.name,
        query.is_select_mode,
        context.cursor is not None,
        page.previous is not None,
        page.next is not None,
    )


def get_shell(shape: Shape) -> Shell:
    env: jinja2.Environment = engines["jinja2"].env  # type: ignore[attr-defined]
    return render_shell(env, shape) if env.auto_reload else render_shell_cached(env, shape)


def render_shell(env: jinja2.Environment, shape: Shape) -> Shell:
    user = SimpleNamespace(
        is_authenticated=True, pk=place("user_id"), email=place("user_email"), name=place("user_name")
    )
    context = {
        "request": SimpleNamespace(user=user),
        "preferences": SimpleNamespace(
            theme=shape.theme,
            density=shape.density,
            shortcuts=shape.shortcuts,
            time_zone=place("time_zone") if shape.has_time_zone else "",
        ),
        "csrf_input": format_csrf_input(place("token")),
        "query": TaskListQuery(
            place("user_id"), shape.status, Search.parse(""), SORTS[shape.sort], shape.is_select_mode
        ),
        "cursor": CursorPlace("cursor") if shape.has_cursor else None,
        "page": SimpleNamespace(
            tasks=True,
            previous=CursorPlace("previous") if shape.has_previous else None,
            next=CursorPlace("next") if shape.has_next else None,
        ),
        "counts": {name: place(name) for name in ("pending", "completed", "all")},
        **{name: place(name) for name in ("rows", "new_id", "here", "printed_at")},
    }
    pieces = PLACE.split(env.get_template(TEMPLATE).render(context))
    return Shell([piece.encode() for piece in pieces], pieces[1::2])


render_shell_cached = lru_cache(maxsize=200)(render_shell)  # 10 kB each
