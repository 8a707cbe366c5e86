"""Every route of the site, who may request it, and what they are answered.

A route without a line fails test_routes.py, and so does a line without a route.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from todo_site.tests.personas import (
    Answer,
    Personas,
    Visitor,
)
from todo_site.web.middleware.security_headers import SecurityHeadersMiddleware
from todo_site.web.redirects import is_local_path


class For(Enum):
    EVERYBODY = "everybody, and nothing that is anybody's"
    PEOPLE = "who is signed in, their own"
    OWNER = "who is signed in, and of all ids their own"
    STAFF = "staff, who has an account"
    REASON = "staff, and of all tasks those of the person for whom they gave a reason"


@dataclass(frozen=True)
class Line:
    """Who may ask for it, and what GET and POST answer them; nothing where there is no such method."""

    who: For
    get: set[int]
    post: set[int]


NONE: set[int] = set()
ROUTES = {
    "": Line(For.PEOPLE, {200}, NONE),
    "tasks/new/": Line(For.PEOPLE, {200}, {303}),
    "tasks/<uuid:task_id>/": Line(For.OWNER, {200}, NONE),
    "tasks/<uuid:task_id>/edit/": Line(For.OWNER, {200}, {409}),
    "tasks/<uuid:task_id>/status/": Line(For.OWNER, NONE, {303}),
    "tasks/<uuid:task_id>/delete/": Line(For.OWNER, NONE, {303}),
    "tasks/bulk/": Line(For.PEOPLE, NONE, {303}),
    "tasks/paste/": Line(For.PEOPLE, {200}, {303}),
    "undo/<uuid:entry_id>/": Line(For.OWNER, NONE, {303}),
    "trash/": Line(For.PEOPLE, {200}, NONE),
    "trash/<uuid:task_id>/restore/": Line(For.OWNER, NONE, {303}),
    "history/": Line(For.PEOPLE, {200}, NONE),
    "export/tasks.json": Line(For.PEOPLE, {200}, NONE),
    "export/tasks.csv": Line(For.PEOPLE, {200}, NONE),
    "import/": Line(For.PEOPLE, {200}, {422}),
    "import/discard/": Line(For.PEOPLE, NONE, {303}),
    "import/<uuid:upload_id>/": Line(For.OWNER, NONE, {303}),
    "settings/": Line(For.PEOPLE, {200}, {422}),
    "settings/data/": Line(For.PEOPLE, {200}, NONE),
    "settings/data/delete-account/": Line(For.PEOPLE, NONE, {422}),
    "settings/data/erase-tasks/": Line(For.PEOPLE, NONE, {422}),
    "settings/data/receipt/": Line(For.EVERYBODY, {404}, NONE),
    "settings/display/": Line(For.PEOPLE, {200}, {422}),
    "settings/password/": Line(For.PEOPLE, NONE, {422}),
    "settings/sessions/": Line(For.PEOPLE, {200}, NONE),
    "settings/sessions/revoke/": Line(For.PEOPLE, NONE, {303}),
    "settings/time-zone/": Line(For.PEOPLE, NONE, {303}),
    "sign-in/": Line(For.EVERYBODY, {200, 303}, {422}),
    "sign-up/": Line(For.EVERYBODY, {200, 303}, {422}),
    "sign-out/": Line(For.EVERYBODY, NONE, {303}),
    "csp-report": Line(For.EVERYBODY, NONE, {400}),
    "healthz": Line(For.EVERYBODY, {200}, NONE),
    "manifest.webmanifest": Line(For.EVERYBODY, {200}, NONE),
    "metrics": Line(For.EVERYBODY, {200}, NONE),  # and only from this machine: test_metrics.py
    "readyz": Line(For.EVERYBODY, {200}, NONE),
    "admin/": Line(For.STAFF, {200}, {200}),
    "admin/(?P<url>.*)$": Line(For.STAFF, {404}, {404}),
    "admin/^(?P<app_label>tasks|better_auth)/$": Line(For.STAFF, {200}, {200}),
    "admin/autocomplete/": Line(For.STAFF, {403}, NONE),
    "admin/better_auth/user/": Line(For.STAFF, {200}, {200}),
    "admin/better_auth/user/<path:object_id>/": Line(For.STAFF, {302}, {302}),
    "admin/better_auth/user/<path:object_id>/change/": Line(For.STAFF, {200}, {403}),
    "admin/better_auth/user/<path:object_id>/delete/": Line(For.STAFF, {403}, {403}),
    "admin/better_auth/user/<path:object_id>/history/": Line(For.STAFF, {200}, {200}),
    "admin/better_auth/user/add/": Line(For.STAFF, {403}, {403}),
    "admin/jsi18n/": Line(For.STAFF, {200}, NONE),
    "admin/login/": Line(For.STAFF, {302}, {302}),
    "admin/logout/": Line(For.STAFF, NONE, {303}),
    "admin/password_change/": Line(For.STAFF, {404}, {404}),
    "admin/password_change/done/": Line(For.STAFF, {404}, {404}),
    "admin/r/<path:anything>": Line(For.STAFF, {404}, {404}),
    "admin/r/<path:content_type_id>/<path:object_id>/": Line(For.STAFF, {404}, {404}),
    "admin/tasks/task/": Line(For.REASON, {200}, {200, 302}),
    "admin/tasks/task/<path:object_id>/": Line(For.STAFF, {302}, {302}),
    "admin/tasks/task/<path:object_id>/change/": Line(For.REASON, {200}, {409}),
    "admin/tasks/task/<path:object_id>/delete/": Line(For.REASON, {200}, {302}),
    "admin/tasks/task/<path:object_id>/history/": Line(For.REASON, {200}, {200}),
    "admin/tasks/task/add/": Line(For.STAFF, {403}, {403}),
    "admin/tasks/task/reason/": Line(For.STAFF, {200}, {303}),
}
FORM = {
    "title": "Changed",
    "description": "Changed",
    "status": "completed",
    "action": "complete",
    "lines": "A line",
    "time_zone": "Europe/Paris",
    "reason": "Asked to",
    "post": "yes",
}


def path_of(route: str, object_id: str) -> str:
    path = re.sub(r"<\w+:\w+>", object_id, route).replace("(?P<url>.*)$", "nothing")
    return "/" + re.sub(r"\^\(\?P<app_label>(\w+).*", r"\1/", path)


def check(personas: Personas, route: str, visitor: Visitor, answer: Answer) -> None:
    """What holds for every answer to everybody."""
    in_admin = route.startswith("admin/")
    foreign = personas.foreign_words(visitor, in_admin=in_admin) + personas.foreign_accounts(visitor, in_admin=in_admin)
    said = answer.body + repr([answer.headers, answer.cookies]).encode()
    assert [words for words in foreign if words in said] == []
    for header, value in POLICIES.items():
        assert answer.headers.get(header) == value, header
    kept = set(re.split(", ?", answer.headers["Cache-Control"]))
    assert {"private", "no-store"} <= kept or route == "manifest.webmanifest"
    assert "Cookie" in answer.headers["Vary"]
    assert is_local_path(answer.headers.get("Location", "/"))


POLICIES = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp-report"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": SecurityHeadersMiddleware.HEADERS["Permissions-Policy"],
}
