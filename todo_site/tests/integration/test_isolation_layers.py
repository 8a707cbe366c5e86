"""One layer at a time is taken out, and no row of anybody else reaches a browser."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import connection

from todo_site.tests.isolation_layers import BREACHES, without
from todo_site.tests.personas import Personas, make_personas, of_owner, taken_back
from todo_site.tests.routes import FORM, ROUTES, For, path_of

pytestmark = pytest.mark.django_db

# On SQLite nothing stands behind the manager but its tests and the owner_filter_guard.
TAKEN_OUT = [*BREACHES] if connection.vendor == "postgresql" else ["view"]
FOR_SOMEBODY = [route for route, line in ROUTES.items() if line.who in {For.PEOPLE, For.OWNER, For.REASON}]


@pytest.mark.parametrize("layer", TAKEN_OUT)
def test_lets_nothing_of_anybody_else_reach_a_browser_without(layer: str) -> None:
    """Whatever a page answers, 500 included: a layer that holds may do so by raising an error."""
    before_all = without(layer) if layer == "foreign key" else nullcontext()  # later on rows wait to be checked by it
    with before_all:
        personas = make_personas()
        with nullcontext() if layer == "foreign key" else without(layer):
            for route in FOR_SOMEBODY:
                look_around(personas, route)


def look_around(personas: Personas, route: str) -> None:
    """Ask a route for one's own and for somebody else's."""
    in_admin = route.startswith("admin/")
    visitor = personas.visitors["staff with a reason" if in_admin else "bob"]
    query = f"?_changelist_filters=user%3D{personas.alice.user.id}" if in_admin else "?status=all"
    own, other = personas.own(visitor, in_admin=in_admin), personas.other(visitor, in_admin=in_admin)
    before = of_owner(other)
    for path in sorted({path_of(route, person.id_for(route)) + query for person in (own, other)}):
        for method in ("GET", "POST"):
            with taken_back():
                answer = visitor.ask(method, path, FORM)
                assert of_owner(other) == before, (method, path)
            foreign = personas.foreign_words(visitor, in_admin=in_admin)
            assert not [words for words in foreign if words in answer.body], (method, path)
