from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from todo_site import env
from todo_site.settings import add_database_options
from todo_site.tests.postgresql import address, is_pooled

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]


def found() -> list[Any]:
    return [message.id for message in run_checks(tags=["database"], databases=["default"])]


@pytest.mark.skipif(not is_pooled(), reason="needs PgBouncer; without it all tests went straight to PostgreSQL")
def test_says_that_an_old_pooler_mixes_prepared_statements_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found() == []
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", True)
    assert found() == ["todo_site.E002"]
    direct = {"conninfo": address(connection.settings_dict["NAME"])}
    monkeypatch.setattr(connection, "get_connection_params", lambda: direct)
    assert found() == []


@pytest.mark.parametrize("text", ["true", "false"])
def test_are_prepared_where_the_setting_says_so(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setitem(env.Env.ENVIRON, "DB_PREPARED_STATEMENTS", text)
    options = add_database_options({"ENGINE": "django.db.backends.postgresql", "NAME": "todo"})["OPTIONS"]
    assert options.get("server_side_binding", False) is (text == "true")
