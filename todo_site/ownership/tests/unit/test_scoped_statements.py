"""Which statements of a request run behind PostgreSQL's own layer, and as whom; whether they do is the database's."""

from __future__ import annotations

import pytest
from django.test import Client

from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import RowLevelSecurityScope

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

OF_TASKS, OF_OTHERS = "SELECT title FROM task", "SELECT 1"


def scope_of(client: Client, path: str) -> RowLevelSecurityScope:
    layer: RowLevelSecurityScope = client.get(path).wsgi_request.row_level_security_scope  # type: ignore[attr-defined]
    return layer


@pytest.mark.parametrize(
    ("path", "statements"),
    [("/", [OF_TASKS, OF_OTHERS]), ("/settings/sessions/", [OF_TASKS]), ("/nothing/", [OF_TASKS]), ("/admin/", [])],
)
def test_stands_before_what_each_page_asks(alice: User, alices: Client, path: str, statements: list[str]) -> None:
    layer = scope_of(alices, path)
    assert [statement for statement in (OF_TASKS, OF_OTHERS) if layer.applies_to(statement)] == statements
    assert layer.user_id() == alice.id


def test_stands_before_everything_for_nobody(client: Client) -> None:
    assert scope_of(client, "/sign-in/").user_id() == ""
