"""The walk: every route of the URLconf, by every method, with everybody's ids, as everybody.

What each may see stands in ROUTES, a line for each route. A route without its line fails, and a line without its route.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from pytest_django import Settings

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.journal.models import ChangeContext, JournalEntry
from todo_site.tests.personas import (
    VISITORS,
    Answer,
    Person,
    Personas,
    Visitor,
    make_person,
    make_personas,
    rows,
    taken_back,
)
from todo_site.web.middleware.security_headers import SecurityHeadersMiddleware
from todo_site.web.redirects import is_local_path

pytestmark = pytest.mark.django_db


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

SAFE = ["GET", "HEAD"]
CHANGES = {200, 302, 303, 409}  # what may have changed something, or noted that it was looked at
UNKNOWN = ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
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
MALFORMED = ["1", "%00", "00000000-0000-0000-0000-00000000000g", "a%00b", "%ff", "..%2f", "A" * 500]


IS_SQLITE = connection.vendor == "sqlite"
# PostgreSQL keeps rows apart, and has its own ideas of what an id is; who may ask is the same on every database.
CHECKED = (
    ROUTES if IS_SQLITE else {route: line for route, line in ROUTES.items() if line.who in {For.OWNER, For.REASON}}
)


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern)


def path_of(route: str, object_id: str) -> str:
    path = re.sub(r"<\w+:\w+>", object_id, route).replace("(?P<url>.*)$", "nothing")
    return "/" + re.sub(r"\^\(\?P<app_label>(\w+).*", r"\1/", path)


def expected(line: Line, route: str, visitor: Visitor, method: str, *, own: bool = True) -> set[int]:
    """What a visitor may be answered."""
    answers = line.get if method in SAFE else line.post
    if method in UNKNOWN:
        return {405}
    if line.who is not For.EVERYBODY and (refusals := turned_away(line, route, visitor, method)):
        return refusals
    if not own and line.who in {For.STAFF, For.REASON}:
        return {302, *(answers - {200})}  # 302 is the admin's way to say that there is no such object
    return ({404} if line.who is For.OWNER and not own else answers) if answers else {405}


def turned_away(line: Line, route: str, visitor: Visitor, method: str) -> set[int]:
    """What is answered to who may not ask at all; nothing to who may."""
    if visitor.server and not visitor.person and route != "admin/login/":
        return {401}
    if not visitor.person:
        return {302} if method in SAFE else {302, 401}  # 401 with a form that keeps what was typed
    if line.who in {For.STAFF, For.REASON} and not visitor.is_staff:
        return {403} if route == "admin/login/" else {302}
    if line.who is For.REASON and not visitor.has_reason:
        return {303} if method in SAFE else {403}
    return NONE


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


@pytest.fixture
def personas(db: None) -> Personas:
    return make_personas()


def test_has_a_line_for_every_route_and_a_route_for_every_line() -> None:
    assert sorted(routes(get_resolver().url_patterns)) == sorted(ROUTES)


@pytest.mark.parametrize("name", VISITORS if IS_SQLITE else ["alice", "bob", "staff with a reason"])
def test_shows_each_what_the_line_of_a_route_says_and_nothing_of_anybody_else(personas: Personas, name: str) -> None:
    visitor, before = personas.visitors[name], rows()
    for route, line in CHECKED.items():
        in_admin, way_back = route.startswith("admin/"), f"_changelist_filters=user%3D{personas.alice.user.id}"
        query = f"?{way_back if '<' in route else f'user={personas.alice.user.id}'}"
        query = query if route.startswith("admin/tasks/") else ""
        owners = personas.own(visitor, in_admin=in_admin), personas.other(visitor, in_admin=in_admin)
        own, foreign = (path_of(route, owner.id_for(route)) + query for owner in owners)
        none = path_of(route, str(uuid.uuid4())) + query
        for method in [*SAFE, "POST", *UNKNOWN]:
            about = f"{method} {route}"
            allowed = expected(line, route, visitor, method)
            with taken_back() if method not in UNKNOWN and not allowed.isdisjoint(CHANGES) else nullcontext():
                answer = visitor.ask(method, own, FORM)
                assert answer.status in allowed, about
                check(personas, route, visitor, answer)
            if foreign == own:
                continue
            theirs = visitor.ask(method, foreign, FORM)
            check(personas, route, visitor, theirs)
            if line.who is not For.STAFF and method not in UNKNOWN:
                missing = visitor.ask(method, none, FORM)
                assert theirs.masked == missing.masked, about
                assert theirs.status in expected(line, route, visitor, method, own=False), about
        for malformed in MALFORMED if foreign != own else []:
            answer = visitor.ask("GET", path_of(route, malformed) + query)
            assert answer.status in {404, *expected(line, route, visitor, "GET", own=False)}, malformed
            check(personas, route, visitor, answer)
        assert rows() == before, route


@dataclass(frozen=True)
class Place:
    """Where an id can stand besides the path, marked by ID."""

    path: str
    fields: dict[str, str] = field(default_factory=dict)
    file: str = ""
    adds: bool = False  # an id that is taken is replaced, by one statement more

    def ask(self, visitor: Visitor, **ids: str) -> list[Answer]:
        """The answer, and the pages on which something of it could be seen afterwards."""
        path, file = fill(self.path, ids), SimpleUploadedFile("tasks.json", fill(self.file, ids).encode())
        data = {name: fill(value, ids) for name, value in self.fields.items()} | ({"file": file} if self.file else {})
        answers = [visitor.ask("POST" if data else "GET", path, data)]
        return [
            *answers,
            *(visitor.ask("GET", page) for page in ("/", "/?status=all", "/trash/", "/history/", "/import/")),
        ]


def of_owner(person: Person) -> list[str]:
    """Everything in the tables that has to do with somebody."""
    return [str(row) for found in rows().values() for row in found if person.user.id in map(str, row)]


def fill(text: str, ids: dict[str, str]) -> str:
    return re.sub("[A-Z]{2,}", lambda found: ids.get(found[0], found[0]), text)


EXPORTED = (
    '{"tasks": [{"id": "ID", "user_id": "USER", "title": "Mine", "description": null, "status": "pending",'
    ' "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}]}'
)
PLACES = [
    *(Place("/tasks/bulk/", {"task": "ID", "action": action}) for action in ("complete", "reopen", "delete")),
    *(
        Place(f"/?status=all&cursor={side}-{sort}-1700000000000000-HEX&sort={sort}")
        for side in ("next", "previous")
        for sort in ("newest", "oldest", "changed")
    ),
    Place("/?q=ID"),
    Place("/sign-in/?next=/tasks/ID/"),
    Place("/tasks/new/?next=/tasks/ID/edit/"),
    Place("/tasks/new/", {"id": "ID", "title": "Mine"}, adds=True),
    Place("/tasks/new/", {"title": "Mine", "user_id": "USER", "user": "USER", "next": "/undo/ID/"}),
    Place("/tasks/paste/", {"id": "ID", "lines": "Mine"}),
    Place(
        "/tasks/OWN/edit/", {"id": "ID", "task_id": "ID", "title": "Mine", "status": "pending", "version": "VERSION"}
    ),
    Place("/tasks/OWN/status/", {"status": "completed", "task": "ID", "next": "/tasks/ID/"}),
    Place("/undo/BATCH/", {"next": "/"}),
    Place("/trash/ID/restore/", {"next": "/tasks/ID/"}),
    Place("/import/", file=EXPORTED),
    Place("/settings/sessions/revoke/", {"session": "SESSION"}),
]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_answers_the_same_to_an_id_of_somebody_else_and_of_nobody(place: Place) -> None:
    victim, attacker = make_person("alice"), make_person("bob")
    Task.objects.for_user(victim.user.id).set_status("completed", ChangeContext())
    entry = JournalEntry.objects.for_user(victim.user.id).newest_first()[0]
    own = {"OWN": str(attacker.task.id), "VERSION": str(attacker.task.version)}
    theirs = {
        "ID": victim.task.id,
        "HEX": victim.task.id.hex,
        "BATCH": entry.id,
        "SESSION": victim.session.id,
        "USER": victim.user.id,
    }
    nobodys = {
        "ID": uuid.uuid4(),
        "HEX": uuid.uuid4().hex,
        "BATCH": uuid.uuid4(),
        "SESSION": "x",
        "USER": "y",
    }
    before = of_owner(victim)
    visitor = Visitor("bob", attacker, {"cookie": attacker.cookie, "hx-request": "true"})
    answers = []
    for ids in (theirs, nobodys):
        with taken_back():
            answers.append(place.ask(visitor, **own, **{name: str(value) for name, value in ids.items()}))
            assert of_owner(victim) == before
    same = [[replace(answer, queries=0).masked if place.adds else answer.masked for answer in each] for each in answers]
    assert same[0] == same[1]
    assert not [answer for answer in answers[0] if victim.words in answer.body or victim.account in answer.body]


@pytest.mark.parametrize(
    "path", ["/sign-out/", f"/tasks/{uuid.UUID(int=1)}/status/", f"/tasks/{uuid.UUID(int=1)}/delete/"]
)
def test_changes_nothing_by_get(alices: Client, path: str) -> None:
    assert alices.get(path).status_code == 405


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "origin", [{}, {"origin": "null"}, {"origin": "https://evil.example"}], ids=["", "null", "evil"]
)
def test_takes_no_form_that_the_site_did_not_give(personas: Personas, origin: dict[str, str]) -> None:
    """Nor one with a token, if the browser says that it comes from elsewhere."""
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    token, before = "a" * 32, rows()
    form = {**FORM, **({"csrfmiddlewaretoken": token} if origin else {})}
    for name in ("nobody", "alice", "staff with a reason"):
        visitor = replace(personas.visitors[name], client=strict)
        visitor.headers = {"cookie": f"{visitor.headers.get('cookie', '')}; csrftoken={token}", **origin}
        for route, line in ROUTES.items():
            person = personas.own(visitor, in_admin=route.startswith("admin/"))
            answer = visitor.ask("POST", path_of(route, person.id_for(route)), form)
            assert answer.status == 403 or (line.who is For.EVERYBODY and route in NO_TOKEN), route
            check(personas, route, visitor, answer)
    assert rows() == before


NO_TOKEN = {"csp-report", "metrics"}  # which programs ask


@pytest.mark.sqlite
@pytest.mark.parametrize("route", ["", "sign-in/", "healthz", "admin/", "nothing/", "csp-report"])
def test_tells_browsers_to_come_by_tls_only(client: Client, settings: Settings, route: str) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    answers = [client.generic(method, f"/{route}", secure=True) for method in ("GET", "POST", "TRACE")]
    assert {answer.headers.get("Strict-Transport-Security") for answer in answers} == {
        "max-age=31536000; includeSubDomains"
    }


def test_shows_a_page_of_its_own_for_a_failed_form_check(alice: User, alices: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    response = strict.post("/tasks/new/", {"title": "Forged"})
    assert response.status_code == 403
    assert "The form could not be verified" in response.text
    assert not Task.objects.for_user(alice.id).exists()


def test_error_pages_name_the_request(alices: Client) -> None:
    response = alices.get("/nothing-here/")
    assert response.status_code == 404
    assert response.headers["X-Request-ID"] in response.text
