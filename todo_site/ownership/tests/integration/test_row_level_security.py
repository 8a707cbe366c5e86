"""PostgreSQL's own layer, with the owned manager out of the way: raw SQL sees one user's rows, or none."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError, connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.urls.resolvers import URLPattern

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.ownership.database.policies import ROLE
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.raw_sql import sql, without_guard
from todo_site.tests.postgresql import address
from todo_site.web.database_errors import is_unavailable

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]


@pytest.fixture
def both(alice: User, bob: User) -> tuple[User, User]:
    make_task(alice.id, title="Alice's")
    make_task(bob.id, title="Bob's")
    return alice, bob


@pytest.mark.django_db(transaction=True)
def test_holds_for_each_transaction_and_each_person_of_one_pipeline(both: tuple[User, User]) -> None:
    alice, bob = both

    def everything() -> list[Any]:
        with without_guard(), connection.cursor() as cursor:
            cursor.execute("SELECT title FROM task")
            return [row[0] for row in cursor.fetchall()]

    with connection.pipeline(), scoped_to(lambda: alice.id):  # type: ignore[attr-defined]
        for _transaction in range(2):
            with transaction.atomic():
                assert everything() == ["Alice's"]
            assert everything() == ["Alice's"]
        with scoped_to(lambda: bob.id):
            assert everything() == ["Bob's"]
        assert everything() == ["Alice's"]
    with scoped_to(lambda: bob.id), transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            sql("SELECT 1/0")
        assert everything() == ["Bob's"]


def test_shows_one_users_rows_to_sql_that_names_no_owner(both: tuple[User, User]) -> None:
    alice, bob = both
    with scoped_to(lambda: alice.id):
        assert sql("SELECT title FROM task") == ["Alice's"]
        assert sql("SELECT count(*) FROM task") == [1]
        assert sql("SELECT title FROM task WHERE user_id = %s OR true", bob.id) == ["Alice's"]
    assert len(sql("SELECT title FROM task")) == 2


@pytest.mark.parametrize("nobody", ["", "somebody else"])
def test_shows_nothing_to_nobody(both: tuple[User, User], nobody: str) -> None:
    with scoped_to(lambda: nobody):
        assert sql("SELECT title FROM task") == []
        assert sql("UPDATE task SET title = 'changed'") == [0]
        assert sql("DELETE FROM task") == [0]
    assert sorted(sql("SELECT title FROM task")) == ["Alice's", "Bob's"]


def test_changes_one_users_rows_only(both: tuple[User, User]) -> None:
    alice, bob = both
    with scoped_to(lambda: alice.id):
        assert sql("UPDATE task SET status = 'completed'") == [1]
        assert sql("DELETE FROM task WHERE user_id = %s", bob.id) == [0]
    assert sql("SELECT title FROM task WHERE status = 'pending'") == ["Bob's"]


@pytest.mark.parametrize("statement", ["INSERT INTO task (id, user_id, title) VALUES (%s, %s, 'planted')"])
def test_plants_nothing_on_somebody_else(both: tuple[User, User], statement: str) -> None:
    alice, bob = both
    with scoped_to(lambda: alice.id):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            sql(statement, uuid.uuid4(), bob.id)
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            sql("UPDATE task SET user_id = %s", bob.id)
        assert sql(statement, uuid.uuid4(), alice.id) == [1]


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT email FROM "user"',
        "SELECT token FROM session",
        "SELECT password FROM account",
        "TRUNCATE task",
        "ALTER TABLE task DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE planted ()",
        "SELECT 1; SELECT title FROM task",
    ],
)
def test_may_touch_nothing_but_the_owned_tables(both: tuple[User, User], statement: str) -> None:
    with scoped_to(lambda: both[0].id), pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)


def test_leaves_nothing_behind_on_the_connection(both: tuple[User, User]) -> None:
    alice, _bob = both
    with scoped_to(lambda: alice.id):
        sql("SELECT title FROM task")
    login = sql("SELECT session_user")
    assert sql("SELECT current_user") == login
    assert sql("SELECT current_setting('app.user_id', true)") in ([""], [None])


def test_stands_while_a_transaction_fails_and_goes_on(both: tuple[User, User]) -> None:
    alice, _bob = both
    with scoped_to(lambda: alice.id), transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            sql("UPDATE task SET status = 'archived'")
        assert sql("SELECT title FROM task") == ["Alice's"]
    assert len(sql("SELECT title FROM task")) == 2


def test_looks_up_the_session_outside_of_the_scope_within_a_transaction(both: tuple[User, User]) -> None:
    alice, _bob = both
    with scoped_to(lambda: alice.id, every_statement=False), transaction.atomic():
        assert sql("SELECT title FROM task") == ["Alice's"]
        assert len(sql('SELECT email FROM "user"')) == 2
        assert sql("SELECT title FROM task") == ["Alice's"]


def test_holds_for_a_generator_that_runs_later(both: tuple[User, User]) -> None:
    alice, _bob = both

    def stream() -> Iterator[str]:
        with scoped_to(lambda: alice.id):
            yield from sql("SELECT title FROM task")

    assert list(stream()) == ["Alice's"]


def test_holds_for_work_in_bulk(both: tuple[User, User]) -> None:
    alice, bob = both
    unguarded: models.QuerySet[Task] = models.QuerySet(Task)
    with scoped_to(lambda: alice.id), without_guard():
        unguarded.bulk_create([Task(user_id=alice.id, title=f"Bulk {n}") for n in range(100)])
        with pytest.raises(ProgrammingError), transaction.atomic():
            unguarded.bulk_create([Task(user_id=alice.id, title="Mine"), Task(user_id=bob.id, title="Planted")])
        assert unguarded.update(description="mine") == 101
        assert {task.user_id for task in unguarded.iterator(chunk_size=10)} == {alice.id}
        assert unguarded.all().delete()[0] == 101
    assert sql("SELECT title FROM task") == ["Bob's"]


def limits() -> list[Any]:
    return sql("SHOW statement_timeout") + sql("SHOW lock_timeout")


def test_gives_up_a_statement_that_takes_too_long(alice: User, settings: Any) -> None:
    settings.DB_STATEMENT_TIMEOUT = 0.05
    with pytest.raises(OperationalError) as caught, transaction.atomic(), scoped_to(lambda: alice.id):
        sql("SELECT pg_sleep(60)")
    assert is_unavailable(caught.value)
    assert limits() == ["0", "0"]


def test_limits_the_statements_within_and_none_before_or_after(alice: User) -> None:
    assert limits() == ["0", "0"]
    with scoped_to(lambda: alice.id):
        assert limits() == ["5s", "2s"]
    assert limits() == ["0", "0"]


@pytest.mark.django_db(transaction=True)
def test_limits_no_statement_outside_of_a_transaction_afterwards(alice: User) -> None:
    with scoped_to(lambda: alice.id):
        assert limits() == ["5s", "2s"]
        with transaction.atomic():
            assert limits() == ["5s", "2s"]
    assert limits() == ["0", "0"]


@pytest.mark.django_db(transaction=True)
def test_answers_that_it_is_away_for_a_task_that_somebody_holds(alice: User, alices: Client, settings: Any) -> None:
    settings.DB_LOCK_TIMEOUT = 0.05
    task = make_task(alice.id, title="Held")
    form = {"status": "pending", "version": str(task.version)}
    database = psycopg.connect(address(connection.settings_dict["NAME"]))
    alices.raise_request_exception = False
    with closing(database), database.transaction():
        database.execute("SELECT FROM task WHERE id = %s FOR UPDATE", [task.id])
        answer = alices.post(f"/tasks/{task.id}/edit/", {**form, "title": "A long thought"})
        assert alices.get("/").status_code == 200
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "A long thought" in answer.text
    assert alices.post(f"/tasks/{task.id}/edit/", {**form, "title": "Free"}).status_code == 303


@login_not_required
def show_everything(request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n".join(sql("SELECT title FROM task")))


urlpatterns: list[URLPattern] = [path("everything/", show_everything)]


@pytest.mark.urls(__name__)
def test_holds_in_a_view_that_forgot_everything(
    both: tuple[User, User], sign_in: Callable[[User], Client], client: Client
) -> None:
    alice, bob = both
    assert sign_in(alice).get("/everything/").text == "Alice's"
    assert sign_in(bob).get("/everything/").text == "Bob's"
    assert client.get("/everything/").text == ""


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("ALTER TABLE task DISABLE ROW LEVEL SECURITY", "task: row-level security is missing"),
        ("DROP POLICY owner ON task", "task: policy owner is missing"),
        ("CREATE POLICY hole ON task USING (true)", "task: policy hole is not expected"),
        ("ALTER POLICY owner ON task USING (true)", "task: policy owner differs"),
        (f"ALTER POLICY owner ON task_event TO {ROLE}, PUBLIC", "task_event: policy owner differs"),
        (f"GRANT TRUNCATE ON task TO {ROLE}", f"task: grant to {ROLE} differs"),
        (f"REVOKE ALL ON preferences FROM {ROLE}", f"preferences: grant to {ROLE} is missing"),
        ("GRANT SELECT ON task TO PUBLIC", "task: grant to PUBLIC is not expected"),
        (f"ALTER ROLE {ROLE} BYPASSRLS", "bypasses"),
        (f"ALTER TABLE task OWNER TO {ROLE}", f"task: owner {ROLE} is not expected"),
    ],
)
def test_is_missed_when_a_part_of_it_is_gone(client: Client, damage: str, words: str) -> None:
    assert run_checks(tags=["database"], databases=["default"]) == []
    call_command("isolation", stdout=StringIO())
    sql(damage)
    found = run_checks(tags=["database"], databases=["default"])
    assert {error.id for error in found} == {"ownership.E004"}
    assert any(words in error.msg for error in found)
    output = StringIO()
    with pytest.raises(CommandError, match="Missing isolation layers: 1"):
        call_command("isolation", stdout=output)
    assert words in output.getvalue()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["isolation"] == "broken"


def test_is_missed_when_it_is_switched_off(settings: Any) -> None:
    settings.ROW_LEVEL_SECURITY = False
    (found,) = run_checks(tags=["database"], databases=["default"])
    assert "off" in found.msg
