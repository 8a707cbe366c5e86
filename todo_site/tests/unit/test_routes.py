"""Every route, with every method, for every kind of visitor, with own and foreign ids."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from django.db import connection
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from todo_site.tests.personas import (
    VISITORS,
    Personas,
    Visitor,
    rows,
    taken_back,
)
from todo_site.tests.routes import FORM, NONE, ROUTES, For, Line, check, path_of

pytestmark = pytest.mark.django_db
SAFE = ["GET", "HEAD"]
CHANGES = {200, 302, 303, 409}  # what may have changed something, or noted that it was looked at
UNKNOWN = ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
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
