"""How many connections the site may open to PostgreSQL, and in which way."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

from todo_site import env
from todo_site.settings import add_database_options

ENVIRON = env.Env.ENVIRON
TLS = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/neon.pem", "channel_binding": "require"}


def warnings() -> list[CheckMessage]:
    return run_checks(tags=["database"], databases=["default"])


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "limit",
    [
        "ALTER ROLE CURRENT_USER CONNECTION LIMIT 13",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 13', current_database()); END $$",
    ],
)
def test_are_more_than_the_login_or_the_database_may_have(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(limit)
    monkeypatch.setitem(ENVIRON, "WEB_CONCURRENCY", "3")
    (found,) = warnings()
    assert found.id == "todo_site.W001"
    assert found.msg == "The site can open 14 connections, but PostgreSQL allows only 13."
    monkeypatch.setitem(ENVIRON, "WEB_CONCURRENCY", "2")
    assert warnings() == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_are_more_than_the_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "WEB_CONCURRENCY", "256")
    assert [warning.id for warning in warnings()] == ["todo_site.W001"]
    monkeypatch.setitem(ENVIRON, "DATABASE_URL_UNPOOLED", "postgresql://direct.example/todo")
    assert warnings() == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_are_those_of_the_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "WEB_CONCURRENCY", "50")
    assert [warning.id for warning in warnings()] == ["todo_site.W001"]
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", {"max_size": 1})
    monkeypatch.setattr(DatabaseWrapper, "pool", None)  # the connection of the tests is none of a pool
    assert warnings() == []


def test_come_from_a_pool_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    url = {"ENGINE": "django.db.backends.postgresql", "NAME": "todo"}
    database = add_database_options({**url})
    assert "pool" not in database["OPTIONS"]
    assert database["CONN_MAX_AGE"] > 0
    monkeypatch.setitem(ENVIRON, "DB_POOL_MAX_SIZE", "3")
    database = add_database_options({**url})
    limits = {"timeout": 3, "reconnect_timeout": 3}
    assert database["OPTIONS"]["pool"] == {"min_size": 0, "max_size": 3, **limits}
    assert "CONN_MAX_AGE" not in database  # Django refuses both
    monkeypatch.setitem(ENVIRON, "DB_POOL_MIN_SIZE", "4")
    with pytest.raises(ImproperlyConfigured, match="DB_POOL_MIN_SIZE must be at most DB_POOL_MAX_SIZE"):
        add_database_options({**url})


@pytest.mark.postgresql
@pytest.mark.django_db
def test_leaves_a_malformed_number_to_the_one_who_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "WEB_CONCURRENCY", "many")
    assert warnings() == []


def test_are_encrypted_as_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "DATABASE_URL", f"postgresql://todo:secret@ep-1.neon.tech/todo?{urlencode(TLS)}")
    database: dict[str, Any] = add_database_options(env.database("DATABASE_URL", "sqlite:///unused"))
    sent = DatabaseWrapper({**connection.settings_dict, **database}).get_connection_params()
    login = {"host": "ep-1.neon.tech", "user": "todo", "password": "secret", "dbname": "todo", "connect_timeout": 10}
    assert sent.items() >= {**login, **TLS}.items()
