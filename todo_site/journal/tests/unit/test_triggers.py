"""What the triggers write, whoever changes an owned row, and what the database refuses to everybody."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.factories import make_task
from tasks.tests.helpers import add, here, journal, verbs
from todo_site.better_auth.models import User
from todo_site.journal.changes import SETTINGS, ChangeContext, journalled, require_triggers
from todo_site.journal.models import JournalHead
from todo_site.journal.tests.chain import problems
from todo_site.ownership.tests.raw_sql import sql
from todo_site.preferences.models import Preferences

pytestmark = pytest.mark.django_db

type AsRequest = Callable[[User], AbstractContextManager[Any]]


def head(user: User) -> JournalHead:
    return JournalHead.objects.for_user(user.id).get()


def test_writes_an_entry_of_sql_by_hand_with_the_database_role(alice: User) -> None:
    task = make_task(alice.id, title="Milk")
    sql("UPDATE task SET title = 'Bread' WHERE user_id = %s", alice.id)
    sql("UPDATE task SET status = 'completed' WHERE user_id = %s", alice.id)
    sql("UPDATE task SET status = 'pending' WHERE user_id = %s", alice.id)
    sql("DELETE FROM task WHERE user_id = %s", alice.id)
    assert verbs(alice) == ["create", "edit", "complete", "reopen", "delete"]
    entries = journal(alice)
    assert {entry.task_id for entry in entries} == {task.id}
    assert all(entry.database_role for entry in entries)
    assert {entry.batch for entry in entries} == {None}
    assert entries[1].changes["title"] == ["Milk", "Bread"]
    assert {entry.form for entry in entries} == {2}
    assert problems(alice) == ""


def test_takes_origin_from_the_settings_and_forgets_it(alice: User, tasks: TaskQuerySet) -> None:
    context = ChangeContext("r7", "ann@example.org", "asked to")
    task = add(tasks, "Milk")
    tasks.set_status("completed", context)
    task.title = "Bread"
    task.save()
    _created, completed, edited = journal(alice)
    assert (completed.request_id, completed.staff, completed.reason) == ("r7", "ann@example.org", "asked to")
    assert completed.batch == context.action
    assert (edited.request_id, edited.reason, edited.batch) == ("", "", None)
    assert edited.database_role


@pytest.mark.django_db(transaction=True)
def test_leaves_no_origin_behind_when_a_change_fails(alice: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    with pytest.raises(RuntimeError), journalled(alice.id, "default", ChangeContext("r8", "ann@example.org", "why")):
        raise RuntimeError
    with transaction.atomic():
        with pytest.raises(RuntimeError), journalled(alice.id, "default", ChangeContext("r9", "ann@example.org", "y")):
            raise RuntimeError
        sql("UPDATE task SET title = 'Bread' WHERE user_id = %s", alice.id)
    sql("UPDATE task SET title = 'Butter' WHERE user_id = %s", alice.id)
    assert [(entry.request_id, entry.reason) for entry in journal(alice)[1:]] == [("", ""), ("", "")]


def test_notes_a_change_of_other_fields_in_the_head_alone(alice: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    before = head(alice)
    sql("UPDATE task SET updated_at = '2030-01-01 00:00:00' WHERE user_id = %s", alice.id)
    after = head(alice)
    assert verbs(alice) == ["create"]
    assert (after.number, after.hash) == (before.number, before.hash)
    assert after.version == before.version + 1


def test_notes_each_write_to_a_table_without_a_journal_in_the_head(alice: User) -> None:
    versions = []
    for change in (
        lambda: Preferences.objects.for_user(alice.id).upsert(theme="dark"),
        lambda: Preferences.objects.for_user(alice.id).upsert(theme="light"),
        lambda: Preferences.objects.for_user(alice.id).delete(),
    ):
        change()
        versions.append(head(alice).version)
    assert versions == sorted(set(versions))
    assert journal(alice) == []


@pytest.mark.parametrize(
    "assignment",
    ["id = '0123456789abcdef0123456789abcdef'", "user_id = '{bob}'", "created_at = '2001-01-01 00:00:00'"],
)
def test_never_changes_identity(alice: User, bob: User, assignment: str) -> None:
    task = make_task(alice.id)
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        sql(f"UPDATE task SET {assignment.format(bob=bob.id)} WHERE user_id = %s", alice.id)
    assert Task.objects.for_user(alice.id).get() == task


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE task_event SET verb = 'edit' WHERE user_id = %s",
        "UPDATE task_event SET changes = '{}', salt = NULL WHERE user_id = %s",
        "UPDATE task_event SET reason = 'none' WHERE user_id = %s AND number = 1",
        "DELETE FROM task_event WHERE user_id = %s",
        "DELETE FROM task_event WHERE user_id = %s AND number = 2",
    ],
)
def test_lets_nobody_change_an_entry(alice: User, tasks: TaskQuerySet, statement: str) -> None:
    add(tasks, "Milk")
    add(tasks, "Bread")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        sql(statement, alice.id)
    assert verbs(alice) == ["create", "create"]
    assert problems(alice) == ""


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["task", "task_event", "journal_head", '"user" CASCADE'])
def test_refuses_truncate(alice: User, tasks: TaskQuerySet, table: str) -> None:
    add(tasks, "Milk")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="TRUNCATE"), transaction.atomic():
        sql(f"TRUNCATE {table}")
    assert verbs(alice) == ["create"]


def test_starts_a_missing_head_from_the_newest_entry(alice: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    sql("DELETE FROM journal_head WHERE user_id = %s", alice.id)
    add(tasks, "Bread")
    assert [entry.number for entry in journal(alice)] == [1, 2]
    assert problems(alice) == ""


def test_orders_times_like_numbers(alice: User, tasks: TaskQuerySet) -> None:
    for n in range(20):
        add(tasks, f"Task {n}")
    tasks.set_status("completed", here())
    times = [entry.at for entry in journal(alice)]
    assert times == sorted(times)
    assert [entry.number for entry in journal(alice)] == list(range(1, 41))


def test_seals_many_rows_of_several_owners(alice: User, bob: User) -> None:
    for user in (alice, bob):
        Task.objects.for_user(user.id).bulk_create([Task(user_id=user.id, title=f"T{n}") for n in range(1200)])
    sql("UPDATE task SET status = 'completed' WHERE user_id IN (%s, %s)", alice.id, bob.id)
    for user in (alice, bob):
        assert [entry.number for entry in journal(user)] == list(range(1, 2401))
        assert problems(user) == ""


def test_undoes_a_change_by_hand(alice: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    sql("UPDATE task SET title = 'Bread' WHERE user_id = %s", alice.id)
    page = alices.get("/history/").text
    assert "directly in the database" in page
    alices.post(f"/undo/{journal(alice)[-1].pk}/")
    assert Task.objects.for_user(alice.id).get(pk=task.pk).title == "Milk"


def test_creates_nothing_for_a_form_that_is_sent_again_after_its_task_was_deleted(
    alice: User, alices: Client, tasks: TaskQuerySet
) -> None:
    form = {"id": str(uuid.uuid4()), "title": "Milk"}
    alices.post("/tasks/new/", form)
    tasks.move_to_trash(here())
    page = alices.post("/tasks/new/", form, follow=True).text
    assert "Added “Milk”" in page
    assert not tasks.exists()
    assert verbs(alice) == ["create", "delete"]


def test_has_no_setting_that_a_wrapper_does_not_reset() -> None:
    assert {"action", "request_id", "staff", "reason", "verb", "undoes"} == set(SETTINGS)


@pytest.mark.sqlite
def test_lets_no_conflict_clause_drop_an_entry(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    sql(
        "INSERT OR REPLACE INTO task (id, user_id, title, status, created_at, updated_at)"
        " VALUES (%s, %s, 'Bread', 'pending', '2030-01-01 00:00:00', '2030-01-01 00:00:00')",
        task.id.hex,
        alice.id,
    )
    assert verbs(alice) == ["create", "delete", "create"]
    sql(
        "INSERT OR IGNORE INTO task (id, user_id, title, status, created_at, updated_at)"
        " VALUES (%s, %s, 'Butter', 'pending', '2030-01-01 00:00:00', '2030-01-01 00:00:00')",
        task.id.hex,
        alice.id,
    )
    assert verbs(alice) == ["create", "delete", "create"]
    sql(
        "INSERT INTO task_event (id, user_id, number, verb, changes, at, staff, reason, request_id, hash)"
        " VALUES (%s, %s, 4, 'edit', '{}', '2030-01-01 00:00:00', '', '', '', '')",
        uuid.uuid4().hex,
        alice.id,
    )
    with pytest.raises(DatabaseError, match="could not be written"), transaction.atomic():
        sql(
            "INSERT OR IGNORE INTO task (id, user_id, title, status, created_at, updated_at)"
            " VALUES (%s, %s, 'Lost', 'pending', '2030-01-01 00:00:00', '2030-01-01 00:00:00')",
            uuid.uuid4().hex,
            alice.id,
        )


@pytest.mark.sqlite
def test_refuses_the_first_change_of_a_process_without_triggers(alice: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    sql("DROP TRIGGER journal_task_insert")
    require_triggers.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="journal_task_insert is missing"):
        add(tasks, "Bread")
    assert tasks.get().title == "Milk"


FAULTS: dict[str, dict[str, str]] = {
    "postgresql": {
        "ALTER TABLE task DISABLE TRIGGER journal_2_update": "task: trigger journal_2_update differs",
        "DROP TRIGGER journal_3_delete ON task": "task: trigger journal_3_delete is missing",
        "ALTER TABLE task_event DISABLE TRIGGER append_only_delete": "append_only_delete on task_event differs",
        "GRANT EXECUTE ON FUNCTION journal_erase TO todo_web": "function journal_erase differs",
        "GRANT EXECUTE ON FUNCTION journal_append TO PUBLIC": "function journal_append differs",
        "ALTER FUNCTION journal_note SET search_path = public": "function journal_note differs",
        "ALTER FUNCTION journal_lock_owner SECURITY INVOKER": "function journal_lock_owner differs",
        "GRANT INSERT ON task_event TO todo_web": "task_event: grant to todo_web differs",
    },
    "sqlite": {
        "DROP TRIGGER journal_task_update": "task: trigger journal_task_update is missing",
        "DROP TRIGGER append_only_update": "journal: trigger append_only_update is missing",
        "DROP VIEW journal_kept": "journal: view journal_kept is missing",
    },
}


@pytest.mark.parametrize(("statement", "problem"), FAULTS[connection.vendor].items())
def test_notices_what_is_not_as_migrated(statement: str, problem: str) -> None:
    from todo_site.journal import checks as journal_checks
    from todo_site.ownership import checks

    def found() -> list[str]:
        return [*checks.differences(connection), *journal_checks.differences(connection)]

    assert found() == []
    sql(statement)
    assert any(problem in line for line in found())


WAYS_IN = [
    "INSERT INTO task_event (id, user_id, number, verb) VALUES (gen_random_uuid(), %s, 99, 'erase')",
    "UPDATE task_event SET reason = '' WHERE user_id = %s",
    "DELETE FROM task_event WHERE user_id = %s",
    "INSERT INTO journal_head (user_id, number, hash) VALUES (%s, 1, '')",
    "UPDATE journal_head SET number = 0 WHERE user_id = %s",
    "DELETE FROM journal_head WHERE user_id = %s",
    "SELECT journal_append(%s, 'task', '{}')",
    "SELECT journal_erase(%s, '{}')",
    "SELECT journal_note('erase', NULL) WHERE '' <> %s",
    "SELECT journal_note('purge', NULL) WHERE '' <> %s",
    "SELECT journal_raise_version(%s)",
    "SELECT journal_lock_head(%s)",
]


@pytest.mark.postgresql
@pytest.mark.parametrize("statement", WAYS_IN)
def test_lets_no_request_write_to_the_journal(
    alice: User, tasks: TaskQuerySet, as_request: AsRequest, statement: str
) -> None:
    add(tasks, "Milk")
    before = [*journal(alice), head(alice)]
    refused = pytest.raises(DatabaseError, match=r"permission denied|does not write")
    with as_request(alice), refused, transaction.atomic():
        sql(statement, alice.id)
    assert [*journal(alice), head(alice)] == before


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["task_event", "journal_head"])
def test_lets_no_request_truncate_or_copy_into_the_journal(alice: User, as_request: AsRequest, table: str) -> None:
    with as_request(alice):
        for statement in (f"TRUNCATE {table}", f"COPY {table} FROM STDIN", f"LOCK TABLE {table}"):
            with pytest.raises(DatabaseError), transaction.atomic():
                sql(statement)


@pytest.mark.postgresql
def test_lets_set_config_name_another_origin_as_documented(alice: User, bob: User, as_request: AsRequest) -> None:
    """Whoever can run SQL of their own can do this: docs/journal.md says so."""
    make_task(bob.id, title="Bob's")
    with as_request(alice), transaction.atomic():
        sql("SELECT set_config('app.staff', 'somebody', true), set_config('app.action', %s, true)", str(uuid.uuid4()))
        sql("INSERT INTO task (id, user_id, title) VALUES (%s, %s, 'Milk')", uuid.uuid4(), alice.id)
    assert journal(alice)[0].staff == "somebody"
