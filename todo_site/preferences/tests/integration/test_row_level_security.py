"""Row-level security of the preferences."""

from __future__ import annotations

import pytest
from django.test import Client

from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.raw_sql import sql
from todo_site.preferences.models import Preferences
from todo_site.preferences.tests.display import COOKIE, stored

pytestmark = pytest.mark.django_db


@pytest.mark.postgresql
def test_is_protected_by_row_level_security(alice: User, bob: User, bobs: Client) -> None:

    Preferences.objects.for_user(alice.id).upsert(theme="dark")
    with scoped_to(lambda: bob.id):
        assert sql("SELECT theme FROM preferences") == []
        assert sql("UPDATE preferences SET theme = 'light'") == [0]
    del bobs.cookies[COOKIE]
    assert bobs.get("/").status_code == 200  # its row is looked up behind the layer
    assert stored(alice)["theme"] == "dark"
