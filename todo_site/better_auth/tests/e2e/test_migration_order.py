"""The migrations of the site and of the Better Auth server in any order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from todo_site.better_auth.tests.auth_server import (
    MISSING,
    migrate_there,
)
from todo_site.tests.management import manage
from todo_site.tests.postgresql import new_database

pytestmark = [pytest.mark.postgresql, pytest.mark.skipif(bool(MISSING), reason=MISSING or "runs")]


@pytest.mark.parametrize(
    "order",
    [
        "ours first",
        "theirs first",
        *(pytest.param(order, marks=pytest.mark.thorough) for order in ("together", "in a schema")),
    ],
)
def test_both_migrations_end_well_in_any_order(order: str) -> None:
    with new_database() as plain:
        database = plain
        if order == "in a schema":
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA auth")
            database = f"{plain}{'&' if '?' in plain else '?'}options=-c%20search_path%3Dauth"
        options = {"DATABASE_URL": database}
        if order == "together":
            with ThreadPoolExecutor(12) as pool:
                runs = [pool.submit(migrate_there, database) for _ in range(8)]
                runs += [pool.submit(manage, "migrate", "--verbosity", "0", environment=options) for _ in range(4)]
                for run in runs:
                    run.result()
        elif order == "theirs first":
            migrate_there(database)
        manage("migrate", "--verbosity", "0", environment=options)
        if order in {"ours first", "in a schema"}:
            migrate_there(database)
        said = migrate_there(database)
        assert said.strip() == "migrated: 0 tables created, 0 extended"
        assert "No planned" in manage("migrate", "--plan", environment=options)
