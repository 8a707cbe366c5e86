"""Every way to write: bound to a user it changes that user's rows, unbound it raises. No row changes hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.two_users import TwoUsers, make_two_users, titles
from todo_site.journal.changes import ChangeContext
from todo_site.ownership.managers import UserIdRequired

type Write = Callable[[TaskQuerySet], object]
type Attempt = Callable[[TwoUsers], object]

pytestmark = pytest.mark.django_db
users = pytest.fixture(make_two_users)


def renamed(tasks: TaskQuerySet) -> list[Task]:
    return [Task(pk=task.pk, user_id=task.user_id, title="New") for task in tasks]


def cleared(tasks: TaskQuerySet) -> TaskQuerySet:
    tasks.query.clear_where()
    return tasks


# Each changes every row that it reaches.
CHANGES: dict[str, Write] = {
    "update": lambda tasks: tasks.update(title="New"),
    "aupdate": lambda tasks: async_to_sync(tasks.aupdate)(title="New"),
    "update by an expression": lambda tasks: tasks.update(title=Concat("title", Value("!"))),
    "update by F": lambda tasks: tasks.update(description=F("title")),
    "update by Case": lambda tasks: tasks.update(title=Case(When(title="x", then=Value("x")), default=Value("New"))),
    "update by Subquery": lambda tasks: tasks.update(title=Concat(Subquery(tasks.values("title")[:1]), Value("!"))),
    "update by an annotation": lambda tasks: tasks.annotate(new=Concat("title", Value("!"))).update(title=F("new")),
    "update with OR": lambda tasks: tasks.filter(Q(title="x") | Q(title__contains="")).update(title="New"),
    "update through a join": lambda tasks: tasks.filter(user__name__contains="").update(title="New"),
    "update through a group": lambda tasks: tasks.annotate(n=Count("user__sessions")).filter(n=0).update(title="New"),
    "update by in": lambda tasks: tasks.filter(pk__in=tasks.order_by()).update(title="New"),
    "update by Exists": lambda tasks: tasks.filter(Exists(tasks.filter(pk=OuterRef("pk")))).update(title="New"),
    "update with a cleared where": lambda tasks: cleared(tasks.filter(title="x")).update(title="New"),
    "update in order": lambda tasks: tasks.order_by("-title").update(title="New"),
    "_update": lambda tasks: tasks._update([(Task._meta.get_field("title"), None, "New")]),  # type: ignore[attr-defined]
    "bulk_update": lambda tasks: tasks.bulk_update(renamed(tasks), ["title"]),
    "bulk_update in batches": lambda tasks: tasks.bulk_update(renamed(tasks), ["title"], batch_size=1),
    "abulk_update": lambda tasks: async_to_sync(tasks.abulk_update)(renamed(tasks), ["title"]),
    "delete": lambda tasks: tasks.delete(),
    "adelete": lambda tasks: async_to_sync(tasks.adelete)(),
    "delete with OR": lambda tasks: tasks.filter(Q(title="x") | Q(title__contains="")).delete(),
    "delete through a join": lambda tasks: tasks.filter(user__name__contains="").delete(),
    "delete through a group": lambda tasks: tasks.annotate(n=Count("user__sessions")).filter(n=0).delete(),
    "delete with a cleared where": lambda tasks: cleared(tasks.filter(title="x")).delete(),
    "delete with a cleared where through a join": lambda tasks: cleared(tasks.filter(user__name="x")).delete(),
    "_raw_delete": lambda tasks: tasks._raw_delete("default"),
    "create": lambda tasks: tasks.create(title="New"),
    "acreate": lambda tasks: async_to_sync(tasks.acreate)(title="New"),
    "bulk_create": lambda tasks: tasks.bulk_create([Task(user_id=tasks.owner, title="New")]),
    "get_or_create": lambda tasks: tasks.get_or_create(title="New"),
    "aget_or_create": lambda tasks: async_to_sync(tasks.aget_or_create)(title="New"),
    "update_or_create makes": lambda tasks: tasks.update_or_create(title="New"),
    "aupdate_or_create makes": lambda tasks: async_to_sync(tasks.aupdate_or_create)(title="New"),
    "update_or_create changes": lambda tasks: tasks.update_or_create(title__endswith="1", defaults={"title": "New"}),
}


@pytest.mark.parametrize("write", CHANGES.values(), ids=CHANGES)
def test_changes_each_users_own_rows_only(write: Write, users: TwoUsers) -> None:
    alices, bobs = users.rows()
    write(users.mine)
    assert users.rows()[0] != alices
    assert users.rows()[1] == bobs
    alices, bobs = users.rows()
    write(users.theirs)
    assert users.rows()[0] == alices
    assert users.rows()[1] != bobs


@pytest.mark.parametrize("write", CHANGES.values(), ids=CHANGES)
def test_refuses_to_write_without_a_user(write: Write, users: TwoUsers) -> None:
    before = users.rows()
    with pytest.raises(UserIdRequired, match="for_user"), transaction.atomic():
        write(TaskQuerySet(Task).all())
    assert users.rows() == before


UNBOUND: dict[str, Callable[[Task], object]] = {
    "create for a user": lambda task: Task.objects.create(user=task.user, title="New"),
    "create for a user id": lambda task: Task.objects.create(user_id=task.user_id, title="New"),
    "bulk_create": lambda task: Task.objects.bulk_create([Task(user_id=task.user_id, title="New")]),
    "bulk_create of nothing": lambda task: Task.objects.bulk_create([]),
    "bulk_update": lambda task: Task.objects.bulk_update([task], ["title"]),
    "abulk_update": lambda task: async_to_sync(Task.objects.all().abulk_update)([task], ["title"]),
    "get_or_create": lambda task: Task.objects.get_or_create(pk=task.pk, user_id=task.user_id),
    "update_or_create": lambda task: Task.objects.update_or_create(pk=task.pk, defaults={"title": "New"}),
    "_base_manager": lambda task: Task._base_manager.filter(pk=task.pk).update(title="New"),
    "delete by _base_manager": lambda task: Task._base_manager.filter(pk=task.pk).delete(),
    "create in none": lambda task: Task.objects.none().create(user=task.user, title="New"),
}


@pytest.mark.parametrize("write", UNBOUND.values(), ids=UNBOUND)
def test_takes_no_user_from_the_row(write: Callable[[Task], object], users: TwoUsers) -> None:
    before = users.rows()
    with pytest.raises(UserIdRequired, match="for_user"), transaction.atomic():
        write(users.my_task)
    assert users.rows() == before


# Alice aims at a task of Bob's, by its id.
SHOTS: dict[str, Attempt] = {
    "update": lambda users: users.mine.filter(pk=users.their_task.pk).update(title="New"),
    "aupdate": lambda users: async_to_sync(users.mine.filter(pk=users.their_task.pk).aupdate)(title="New"),
    "update with OR": lambda users: users.mine.filter(Q(pk=users.their_task.pk) | Q(pk=None)).update(title="New"),
    "update by owner": lambda users: users.mine.filter(user=users.bob).update(title="New"),
    "bulk_update": lambda users: users.mine.bulk_update(renamed(users.theirs), ["title"]),
    "abulk_update": lambda users: async_to_sync(users.mine.abulk_update)(renamed(users.theirs), ["title"]),
    "delete": lambda users: users.mine.filter(pk=users.their_task.pk).delete()[0],
    "adelete": lambda users: async_to_sync(users.mine.filter(pk=users.their_task.pk).adelete)()[0],
    "delete through a join": lambda users: users.mine.filter(user__email=users.bob.email).delete()[0],
}


@pytest.mark.parametrize("shoot", SHOTS.values(), ids=SHOTS)
def test_hits_nothing_of_anybody_elses(shoot: Attempt, users: TwoUsers) -> None:
    before = users.rows()
    assert shoot(users) == 0
    assert users.rows() == before


# The id is taken, whoever has it: Alice's row is not made, Bob's is not touched.
COLLISIONS: dict[str, Attempt] = {
    "create": lambda users: users.mine.create(pk=users.their_task.pk, title="New"),
    "acreate": lambda users: async_to_sync(users.mine.acreate)(pk=users.their_task.pk, title="New"),
    "bulk_create": lambda users: users.mine.bulk_create(
        [Task(pk=users.their_task.pk, user_id=users.alice.id, title="New")]
    ),
    "get_or_create": lambda users: users.mine.get_or_create(pk=users.their_task.pk, defaults={"title": "New"}),
    "aget_or_create": lambda users: async_to_sync(users.mine.aget_or_create)(pk=users.their_task.pk),
    "update_or_create": lambda users: users.mine.update_or_create(pk=users.their_task.pk, defaults={"title": "New"}),
    "aupdate_or_create": lambda users: async_to_sync(users.mine.aupdate_or_create)(
        pk=users.their_task.pk, defaults={"title": "New"}
    ),
}


@pytest.mark.parametrize("collide", COLLISIONS.values(), ids=COLLISIONS)
def test_takes_over_no_row_by_its_id(collide: Attempt, users: TwoUsers) -> None:
    before = users.rows()
    with pytest.raises(IntegrityError), transaction.atomic():
        collide(users)
    assert users.rows() == before


# Alice makes rows in Bob's name.
PLANTS: dict[str, Attempt] = {
    "create for a user": lambda users: users.mine.create(user=users.bob, title="New"),
    "create for a user id": lambda users: users.mine.create(user_id=users.bob.id, title="New"),
    "create for both": lambda users: users.mine.create(user=users.bob, user_id=users.alice.id, title="New"),
    "create for both the other way": lambda users: users.mine.create(
        user=users.alice, user_id=users.bob.id, title="New"
    ),
    "create for an expression": lambda users: users.mine.create(user_id=Value(users.bob.id), title="New"),
    "create in none": lambda users: users.mine.none().create(user=users.bob, title="New"),
    "acreate": lambda users: async_to_sync(users.mine.acreate)(user=users.bob, title="New"),
    "bulk_create": lambda users: users.mine.bulk_create([Task(user=users.bob, title="New")]),
    "bulk_create by id": lambda users: users.mine.bulk_create([Task(user_id=users.bob.id, title="New")]),
    "bulk_create of mixed rows": lambda users: users.mine.bulk_create(
        Task(user=user, title="New") for user in (users.alice, users.bob)
    ),
    "bulk_create of a loaded row": lambda users: users.mine.bulk_create([users.their_task]),
    "bulk_create of nobody's row": lambda users: users.mine.bulk_create([Task(title="New")]),
    "bulk_create by an expression": lambda users: users.mine.bulk_create(
        [Task(user_id=Value(users.bob.id), title="New")]
    ),
    "get_or_create": lambda users: users.mine.get_or_create(title="New", defaults={"user": users.bob}),
    "get_or_create by look-up": lambda users: users.mine.get_or_create(title="New", user_id=users.bob.id),
    "aget_or_create": lambda users: async_to_sync(users.mine.aget_or_create)(
        title="New", defaults={"user_id": users.bob.id}
    ),
    "update_or_create": lambda users: users.mine.update_or_create(title="New", defaults={"user": users.bob}),
    "update_or_create by create_defaults": lambda users: users.mine.update_or_create(
        title="New", create_defaults={"user_id": users.bob.id, "title": "New"}
    ),
    "aupdate_or_create": lambda users: async_to_sync(users.mine.aupdate_or_create)(
        title="New", defaults={"user_id": users.bob.id}
    ),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_plants_no_row_on_anybody_else(plant: Attempt, users: TwoUsers) -> None:
    before = users.rows()
    with pytest.raises(UserIdRequired, match="only create rows for the user it is bound to"):
        plant(users)
    assert users.rows() == before


def given(user_id: str) -> Callable[[Task], Task]:
    def give(task: Task) -> Task:
        task.user_id = user_id
        return task

    return give


# Alice makes Bob the owner of a task of hers, or changes its age.
GIFTS: dict[str, Attempt] = {
    "update of the user": lambda users: users.mine.update(user=users.bob),
    "update of the user id": lambda users: users.mine.update(user_id=users.bob.id),
    "update to oneself": lambda users: users.mine.update(user_id=users.alice.id),
    "update by an expression": lambda users: users.mine.update(user_id=Value(users.bob.id)),
    "update of the user among others": lambda users: users.mine.update(title="New", user=users.bob),
    "aupdate": lambda users: async_to_sync(users.mine.aupdate)(user=users.bob),
    "bulk_update": lambda users: users.mine.bulk_update(map(given(users.bob.id), users.mine), ["user"]),
    "abulk_update": lambda users: async_to_sync(users.mine.abulk_update)(list(users.mine), ["user", "title"]),
    "update of the time of creation": lambda users: users.mine.update(created_at=timezone.now()),
    "bulk_update of the time of creation": lambda users: users.mine.bulk_update(users.mine, ["created_at"]),
}


@pytest.mark.parametrize("give", GIFTS.values(), ids=GIFTS)
def test_never_changes_owner_or_age(give: Attempt, users: TwoUsers) -> None:
    before = users.rows()
    with pytest.raises(ValueError, match="of a Task cannot be changed"), transaction.atomic():
        give(users)
    assert users.rows() == before


@pytest.mark.parametrize("name", ["user", "user_id"])
def test_gives_nothing_away_by_update_or_create(name: str, users: TwoUsers) -> None:
    bob = users.bob if name == "user" else users.bob.id
    before = users.rows()
    with pytest.raises(Task.NotUpdated), transaction.atomic():
        users.mine.update_or_create(pk=users.my_task.pk, defaults={name: bob})
    assert users.rows() == before


@pytest.mark.parametrize(
    "options",
    [
        {"ignore_conflicts": True},
        {"update_conflicts": True, "update_fields": ["title"], "unique_fields": ["id"]},
    ],
    ids=["ignore", "update"],
)
def test_has_no_upsert(options: dict[str, Any], users: TwoUsers) -> None:
    """An INSERT with a conflict clause changes the row that is there, and no WHERE can keep it to one user's."""
    before = users.rows()
    planted = [Task(pk=users.their_task.pk, user_id=users.alice.id, title="New")]
    with pytest.raises(TypeError):
        users.mine.bulk_create(planted, **options)
    with pytest.raises(TypeError):
        async_to_sync(users.mine.abulk_create)(planted, **options)
    assert users.rows() == before


def test_fills_in_the_owner(users: TwoUsers) -> None:
    made = [
        users.mine.create(title="A3"),
        users.mine.create(title="A4", user=users.alice),
        users.mine.create(title="A5", user_id=users.alice.id),
        users.mine.create(title="A6", user=None),  # type: ignore[misc]
        async_to_sync(users.mine.acreate)(title="A7"),
        users.mine.get_or_create(title="A8")[0],
        users.mine.update_or_create(title="A9", defaults={"user": users.alice})[0],
    ]
    assert {task.user_id for task in made} == {users.alice.id}
    assert len(users.mine) == 9
    assert len(users.theirs) == 3


MOVES: dict[str, Callable[[TaskQuerySet], object]] = {
    "update": lambda tasks: tasks.update(title="New"),
    "aupdate": lambda tasks: async_to_sync(tasks.aupdate)(title="New"),
    "bulk_update": lambda tasks: tasks.bulk_update(renamed(tasks), ["title"]),
    "update_or_create": lambda tasks: tasks.update_or_create(title="A1", defaults={"title": "New"}),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_moves_the_time_of_change(move: Write, users: TwoUsers) -> None:
    key, start = users.my_task.pk, timezone.now()
    move(users.mine.filter(title="A1"))
    task = users.mine.get(pk=key)
    assert task.title == "New"
    assert task.updated_at >= start
    assert users.mine.get(title="A2").updated_at < start


def test_takes_a_time_of_change_that_is_given(users: TwoUsers) -> None:
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    users.mine.update(updated_at=long_ago)
    assert {task.updated_at for task in users.mine} == {long_ago}


def test_leaves_the_table_standing_when_all_is_deleted(users: TwoUsers) -> None:
    before = users.rows()
    for tasks in (Task.objects.all(), Task.objects.filter(), Task._base_manager.all(), Task._default_manager.all()):
        with pytest.raises(UserIdRequired), transaction.atomic():
            tasks.delete()
    assert users.rows() == before
    assert users.mine.delete() == (2, {"tasks.Task": 2})
    assert titles(users.mine) == []
    assert titles(users.theirs) == ["B1", "B2", "B3"]


def test_adds_for_nobody_else(users: TwoUsers) -> None:
    planted = Task(user_id=users.bob.id, title="Planted")
    for tasks in (users.mine, Task.objects.all()):
        with pytest.raises(UserIdRequired):
            tasks.add(planted, ChangeContext())


def test_makes_rows_in_bulk_from_async_code_too(users: TwoUsers) -> None:
    make = async_to_sync(users.mine.abulk_create)
    assert [task.title for task in make([Task(user=users.alice, title="New")])] == ["New"]
    with pytest.raises(UserIdRequired):
        make([Task(user=users.bob, title="Planted")])


@pytest.mark.parametrize("make", [lambda tasks: tasks.bulk_create, lambda tasks: async_to_sync(tasks.abulk_create)])
def test_makes_rows_in_bulk_in_batches_of_the_size_that_was_asked_for(users: TwoUsers, make: Any) -> None:
    rows = [Task(user=users.alice, title="New"), Task(user=users.alice, title="Newer")]
    with CaptureQueriesContext(connection) as queries:
        make(users.mine)(rows, 1)
    assert sum(query["sql"].startswith("INSERT") for query in queries) == 2
