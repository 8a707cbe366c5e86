"""The owner_filter_guard: no statement reads or writes an owned table for nobody in particular."""

from __future__ import annotations

import pytest
from django.db import connection, models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Window

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.tests.owner_filter_guard import OwnerMissing, names_owner, owned_tables

OWNERLESS = [
    "SELECT * FROM task",
    'SELECT * FROM "task"',
    "select * from task",
    "SELECT * FROM TASK",
    'SELECT "task"."title" FROM "task" WHERE "task"."id" = %s',
    'SELECT * FROM "public"."task"',
    "SELECT * FROM public.task",
    "SELECT count(*) FROM task AS t",
    "EXPLAIN SELECT * FROM task",
    "TABLE task",
    "COPY task TO STDOUT",
    "LOCK TABLE task",
    # An owner who narrows nothing
    "SELECT user_id FROM task",
    "SELECT * FROM task ORDER BY user_id = %s",
    "SELECT user_id = %s FROM task",
    "SELECT * FROM task WHERE user_id = %s OR id = %s",
    "SELECT * FROM task WHERE id = %s OR user_id = %s",
    "SELECT * FROM task WHERE (user_id = %s OR id = %s)",
    "SELECT * FROM task WHERE (user_id = %s AND id = %s) OR id = %s",
    "SELECT * FROM task WHERE NOT (user_id = %s)",
    "SELECT * FROM task WHERE NOT (id = %s AND user_id = %s)",
    "SELECT * FROM task WHERE NOT user_id = %s",
    "SELECT * FROM task WHERE user_id = user_id",
    "SELECT * FROM task WHERE user_id <> %s",
    "SELECT * FROM task WHERE user_id IN (%s, %s)",
    "SELECT * FROM task WHERE user_id IS NOT NULL",
    "SELECT COUNT(*) FILTER (WHERE user_id = %s) FROM task",
    "SELECT CASE WHEN user_id = %s THEN title END FROM task",
    "SELECT user_id FROM task GROUP BY user_id HAVING user_id = %s",
    # An owner of something else
    'SELECT * FROM "user" JOIN task ON task.user_id = "user".id',
    'SELECT * FROM "user" LEFT JOIN task ON task.user_id = "user".id WHERE "user".id = %s',
    "SELECT * FROM task JOIN staff ON staff.user_id = %s",
    "SELECT * FROM task JOIN staff ON task.user_id = staff.user_id WHERE staff.user_id = %s",
    "SELECT * FROM staff, task WHERE staff.user_id = %s",
    "SELECT * FROM task WHERE id IN (SELECT user_id FROM staff WHERE user_id = %s)",
    "SELECT * FROM task JOIN task other ON other.title = task.title WHERE task.user_id = %s",
    "SELECT * FROM task WHERE user_id = %s UNION SELECT * FROM task",
    "SELECT * FROM task WHERE status IN (SELECT status FROM task U0 WHERE U0.user_id = %s)",
    "SELECT * FROM task U0 WHERE U0.user_id = %s AND EXISTS (SELECT 1 FROM task U1 WHERE U1.id = U0.id)",
    "SELECT (SELECT count(*) FROM task) FROM staff WHERE user_id = %s",
    "WITH everything AS (SELECT * FROM task) SELECT * FROM everything WHERE user_id = %s",
    # Writes
    "UPDATE task SET title = %s",
    "UPDATE task SET title = %s WHERE id = %s",
    "UPDATE task SET user_id = %s",
    "UPDATE task SET user_id = %s WHERE id = %s",
    "UPDATE task SET title = %s, user_id = %s WHERE id = %s",
    "DELETE FROM task",
    "DELETE FROM task WHERE id = %s",
    "DELETE FROM task WHERE id IN (%s, %s)",
    "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE title = %s)",
    "INSERT INTO task (id, title) VALUES (%s, %s)",
    "INSERT INTO task (id, user_id) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title",
    "INSERT OR REPLACE INTO task (id, user_id) VALUES (%s, %s)",
    "INSERT INTO task (id, user_id, title) SELECT %s, %s, title FROM task",
    "INSERT INTO staff (user_id) SELECT user_id FROM task",
]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("sql", OWNERLESS)
def test_stops_a_statement_without_an_owner(sql: str) -> None:
    """Before it runs: some of these are not even valid."""
    with connection.cursor() as cursor, pytest.raises(OwnerMissing, match="task without an owner"):
        cursor.execute(sql, ["x"] * sql.count("%s"))


OWNED = [
    "SELECT * FROM task WHERE user_id = %s",
    "select * from task where user_id = %s and id = %s",
    "SELECT * FROM task t WHERE t.user_id = %s ORDER BY t.id",
    'SELECT * FROM "task" WHERE ("task"."id" = %s AND "task"."user_id" = %s) LIMIT 21',
    "SELECT * FROM task WHERE ((id = %s OR id = %s) AND user_id = %s)",
    "SELECT * FROM task WHERE (NOT (id = %s) AND user_id = %s::uuid) FOR UPDATE",
    "SELECT COUNT(*) FILTER (WHERE status = %s) FROM task WHERE user_id = %s",
    'SELECT * FROM task INNER JOIN "user" ON (task.user_id = "user".id) WHERE task.user_id = %s',
    "SELECT * FROM task WHERE user_id = %s UNION SELECT * FROM task WHERE user_id = %s",
    'SELECT * FROM "user" WHERE id IN (SELECT U0.user_id FROM task U0 WHERE U0.user_id = %s)',
    "SELECT COUNT(*) FROM (SELECT id FROM task WHERE user_id = %s) subquery",
    "UPDATE task SET title = %s WHERE (id = %s AND user_id = %s)",
    "UPDATE task SET title = %s WHERE id IN (SELECT U0.id FROM task U0 WHERE U0.user_id = %s)",
    "DELETE FROM task WHERE user_id = %s",
    "INSERT INTO task (user_id, id) VALUES (%s, %s) RETURNING id",
    "CREATE INDEX i ON task (title)",
    "TRUNCATE task",
    "SAVEPOINT task",
]


@pytest.mark.parametrize("sql", OWNED)
def test_lets_a_statement_with_an_owner_pass(sql: str) -> None:
    assert names_owner(sql, "task")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("sql", ["SELECT 'task'", "SELECT 1 AS tasks, 2 AS task_1, '\"task\"'", 'SELECT * FROM "user"'])
def test_overlooks_what_only_looks_like_the_table(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_watches_every_owned_table() -> None:
    assert "task" in owned_tables()
    assert "user" not in owned_tables()


def test_lets_the_owned_manager_work(alice: User) -> None:
    tasks = Task.objects.for_user(alice.id)
    task = make_task(alice.id, title="Milk")
    task.title = "Bread"
    task.save()
    task.refresh_from_db()
    assert list(tasks.filter(Q(title="Bread") | Q(user__email="x")).select_related("user")) == [task]
    assert list(tasks.exclude(title="x").union(tasks.filter(title="Bread"))) == [task]
    assert list(tasks.annotate(n=Window(Count("pk"))).filter(n=1)) == [task]
    assert list(tasks.filter(Exists(tasks.filter(pk=OuterRef("pk"))))) == [task]
    assert tasks.aggregate(n=Count("pk", filter=Q(title="Bread"))) == {"n": 1}
    assert tasks[:1].count() == 1
    assert User.objects.filter(pk__in=tasks.values("user_id")).exists()
    assert tasks.filter(user__email=alice.email).update(title="Oil") == 1
    assert tasks.filter(user__email=alice.email).delete()[0] == 1


def test_stops_a_hand_made_queryset(alice: User) -> None:
    task = make_task(alice.id)
    hand_made: models.QuerySet[Task] = models.QuerySet(Task)
    for tasks in (hand_made.all(), hand_made.filter(pk=task.pk), hand_made.filter(Q(user_id=alice.id) | Q(pk=task.pk))):
        with pytest.raises(OwnerMissing):
            list(tasks)
        with pytest.raises(OwnerMissing):
            tasks.count()
        with pytest.raises(OwnerMissing), transaction.atomic():
            tasks.update(title="New")
        with pytest.raises(OwnerMissing), transaction.atomic():
            tasks.delete()
    with pytest.raises(OwnerMissing):
        list(User.objects.filter(**{"+__isnull": False}))  # whichever owned table "+" names


@pytest.mark.usefixtures("db")
def test_watches_many_statements_at_once() -> None:
    with connection.cursor() as cursor, pytest.raises(OwnerMissing):
        cursor.executemany("UPDATE task SET title = %s", [["x"], ["y"]])
