"""A task in the hand: saving, deleting and reloading stay within its owner's rows, whatever is set on the instance."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.core import serializers
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from tasks.models import Task
from tasks.tests.two_users import TwoUsers, hand_made, make_two_users, titles
from todo_site.better_auth.models import User
from todo_site.ownership.managers import UserIdRequired

type Attempt = Callable[[TwoUsers], object]

pytestmark = pytest.mark.django_db
users = pytest.fixture(make_two_users)


@contextmanager
def nothing_changes(users: TwoUsers) -> Iterator[None]:
    before = users.rows()
    with transaction.atomic():
        yield
    assert users.rows() == before


def forged(users: TwoUsers) -> Task:
    """Made by hand: the id of Bob's task, and Alice as its owner."""
    return Task(pk=users.their_task.pk, user_id=users.alice.id, title="New")


def renumbered(users: TwoUsers) -> Task:
    """Alice's own, with the id of Bob's set on it."""
    task = users.my_task
    task.pk, task.title = users.their_task.pk, "New"
    return task


def given(users: TwoUsers) -> Task:
    """Alice's own, with Bob set as its owner."""
    task = users.my_task
    task.user, task.title = users.bob, "New"
    return task


def taken(users: TwoUsers) -> Task:
    """Bob's own, with Alice set as its owner."""
    task = users.their_task
    task.user_id, task.title = users.alice.id, "New"
    return task


DECEPTIONS: dict[str, Callable[[TwoUsers], Task]] = {
    "forged": forged,
    "renumbered": renumbered,
    "given": given,
    "taken": taken,
}

SAVES: dict[str, Callable[[Task], object]] = {
    "save": lambda task: task.save(),
    "asave": lambda task: async_to_sync(task.asave)(),
    "save by update": lambda task: task.save(force_update=True),
    "save by insert": lambda task: task.save(force_insert=True),
    "save of a column": lambda task: task.save(update_fields=["title"]),
    "save of the owner": lambda task: task.save(update_fields=["user"]),
    "asave of the owner": lambda task: async_to_sync(task.asave)(update_fields=["user_id", "title"]),
    "save past the model": models.Model.save,
    "save_base": lambda task: task.save_base(),
    "raw save_base": lambda task: task.save_base(raw=True),
}


@pytest.mark.parametrize("deceive", DECEPTIONS.values(), ids=DECEPTIONS)
@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
def test_saves_nothing_over_anybody_elses(
    deceive: Callable[[TwoUsers], Task], save: Callable[[Task], object], users: TwoUsers
) -> None:
    task = deceive(users)
    with pytest.raises((Task.NotUpdated, IntegrityError)), nothing_changes(users):
        save(task)
    with nothing_changes(users):
        pass


@pytest.mark.parametrize("deceive", DECEPTIONS.values(), ids=DECEPTIONS)
def test_deletes_nothing_of_anybody_elses(deceive: Callable[[TwoUsers], Task], users: TwoUsers) -> None:
    with nothing_changes(users):
        assert deceive(users).delete() == (0, {})
        assert async_to_sync(deceive(users).adelete)() == (0, {})


RELOADS: dict[str, Callable[[Task], object]] = {
    "refresh_from_db": lambda task: task.refresh_from_db(),
    "arefresh_from_db": lambda task: async_to_sync(task.arefresh_from_db)(),
    "refresh of a column": lambda task: task.refresh_from_db(fields=["title"]),
    "refresh with a lock": lambda task: task.refresh_from_db(from_queryset=Task.objects.select_for_update()),
    "refresh from the owner's rows": lambda task: task.refresh_from_db(
        from_queryset=Task.objects.for_user(task.user_id)
    ),
    "refresh from a database": lambda task: task.refresh_from_db(using="default"),
}


@pytest.mark.parametrize("deceive", DECEPTIONS.values(), ids=DECEPTIONS)
@pytest.mark.parametrize("reload", RELOADS.values(), ids=RELOADS)
def test_reloads_nothing_of_anybody_elses(
    deceive: Callable[[TwoUsers], Task], reload: Callable[[Task], object], users: TwoUsers
) -> None:
    task = deceive(users)
    with pytest.raises(Task.DoesNotExist):
        reload(task)
    assert task.title == "New"


@pytest.mark.parametrize("reload", RELOADS.values(), ids=RELOADS)
def test_reloads_its_own_row(reload: Callable[[Task], object], users: TwoUsers) -> None:
    task = users.my_task
    users.mine.filter(pk=task.pk).update(title="New")
    reload(task)
    assert task.title == "New"


def test_reloads_from_no_strange_queryset(users: TwoUsers) -> None:
    with pytest.raises(UserIdRequired, match="bound to another user"):
        users.my_task.refresh_from_db(from_queryset=users.theirs)
    for strange in (hand_made(), hand_made().filter(user_id=users.alice.id)):
        with pytest.raises(UserIdRequired, match=r"needs Task\.objects\.for_user\(\)"):
            users.my_task.refresh_from_db(from_queryset=strange)
        with pytest.raises(UserIdRequired, match=r"needs Task\.objects\.for_user\(\)"):
            async_to_sync(users.my_task.arefresh_from_db)(from_queryset=strange)


OWNERLESS: dict[str, Callable[[TwoUsers], Task]] = {
    "only": lambda users: users.mine.only("title")[0],
    "defer": lambda users: users.mine.defer("user")[0],
    "defer by id": lambda users: users.mine.defer("user_id")[0],
}

USES: dict[str, Callable[[Task], object]] = {
    "owner": lambda task: task.owner,
    "user_id": lambda task: task.user_id,
    "user": lambda task: task.user,
    "deferred column": lambda task: [task.status, task.created_at, task.user_id],
    "delete": lambda task: task.delete(),
    "refresh_from_db": lambda task: task.refresh_from_db(),
    "refresh of the owner": lambda task: task.refresh_from_db(fields=["user"]),
    "save": lambda task: task.save(),
    "asave": lambda task: async_to_sync(task.asave)(),
    "save of a column": lambda task: task.save(update_fields=["title"]),
    "save by update": lambda task: task.save(force_update=True),
}


@pytest.mark.parametrize("load", OWNERLESS.values(), ids=OWNERLESS)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_wants_its_owner_loaded(
    load: Callable[[TwoUsers], Task], use: Callable[[Task], object], users: TwoUsers
) -> None:
    task = load(users)
    with (
        pytest.raises(UserIdRequired, match=r"only\(\) and defer\(\) must keep user_id of a Task"),
        nothing_changes(users),
    ):
        use(task)


@pytest.mark.parametrize("user_id", [None, "", 0], ids=["None", "empty", "number"])
@pytest.mark.parametrize("use", ["save", "save by insert", "save by update", "save of a column", "asave"])
def test_wants_an_owner_to_be_saved(user_id: str, use: str, users: TwoUsers) -> None:
    with pytest.raises(UserIdRequired, match=r"Call Task\.objects\.for_user\("), nothing_changes(users):
        SAVES[use](Task(title="New", user_id=user_id))


@pytest.mark.parametrize("user_id", [None, "", 0], ids=["None", "empty", "number"])
def test_wants_an_owner_to_be_deleted_or_reloaded(user_id: str, users: TwoUsers) -> None:
    task = Task(pk=users.their_task.pk, user_id=user_id)
    with pytest.raises(UserIdRequired, match=r"Call Task\.objects\.for_user\("):
        task.delete()
    with pytest.raises(UserIdRequired, match=r"Call Task\.objects\.for_user\("):
        task.refresh_from_db()


def test_loads_a_deferred_column_of_its_own_row(users: TwoUsers) -> None:
    task = users.mine.only("user", "title")[0]
    assert (task.status, task.owner) == ("pending", users.alice.id)
    task.status = "completed"
    task.save()
    assert users.mine.get(pk=task.pk).is_completed


def test_saves_and_deletes_its_own_row(users: TwoUsers) -> None:
    bobs, task = users.rows()[1], users.my_task
    task.title = "New"
    task.save()
    assert titles(users.mine) == ["A2", "New"]
    task.status = "completed"
    task.save()
    assert titles(users.mine.completed()) == ["New"]
    assert task.delete() == (1, {"tasks.Task": 1})
    assert async_to_sync(users.mine.get(title="A2").adelete)() == (1, {"tasks.Task": 1})
    assert users.rows() == [[], bobs]


def test_inserts_a_row_of_its_own(users: TwoUsers) -> None:
    key = uuid.uuid4()
    Task(pk=key, user_id=users.alice.id, title="New").save()
    assert users.mine.get(pk=key).title == "New"
    assert not users.theirs.filter(pk=key).exists()


def test_comes_out_of_a_fixture_as_its_owners(users: TwoUsers) -> None:
    """A deserialized object saves itself past Task.save()."""
    row = json.loads(serializers.serialize("json", users.theirs.filter(title="B1")))[0]
    row["fields"] |= {"user": users.alice.id, "title": "New"}
    (deserialized,) = serializers.deserialize("json", json.dumps([row]))
    with pytest.raises(IntegrityError), nothing_changes(users):
        deserialized.save()


def test_keeps_its_time_of_creation(users: TwoUsers) -> None:
    task, created = users.my_task, users.my_task.created_at
    for fields in (None, ["created_at"], ["created_at", "title"]):
        task.created_at = datetime(1999, 9, 9, tzinfo=UTC)
        task.save(update_fields=fields)
        assert users.my_task.created_at == created
    task.created_at = datetime(1999, 9, 9, tzinfo=UTC)
    task.save_base(raw=True)
    assert users.my_task.created_at == created


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(lambda task: task.save(), id="save"),
        pytest.param(lambda task: async_to_sync(task.asave)(), id="asave"),
        pytest.param(lambda task: task.save(update_fields=["title"]), id="save of a list of columns"),
        pytest.param(lambda task: task.save(update_fields=(name for name in ["title"])), id="save of an iterator"),
        pytest.param(lambda task: async_to_sync(task.asave)(update_fields={"title"}), id="asave of a column"),
    ],
)
def test_moves_its_time_of_change(save: Callable[[Task], object], users: TwoUsers) -> None:
    task, start = users.my_task, timezone.now()
    assert task.updated_at < start
    save(task)
    assert users.my_task.updated_at >= start
    assert users.my_task.updated_at == task.updated_at


def test_changes_no_time_when_no_column_is_saved(users: TwoUsers) -> None:
    with nothing_changes(users):
        users.my_task.save(update_fields=[])


DEPARTURES: dict[str, Attempt] = {
    "delete": lambda users: users.alice.delete(),
    "adelete": lambda users: async_to_sync(users.alice.adelete)(),
    "delete of a queryset": lambda users: User.objects.filter(name="Alice").delete(),
    "SQL": lambda users: connection.cursor().execute('DELETE FROM "user" WHERE name = %s', ["Alice"]),
}


@pytest.mark.parametrize("depart", DEPARTURES.values(), ids=DEPARTURES)
def test_goes_with_its_owner(depart: Attempt, users: TwoUsers) -> None:
    mine, theirs = users.mine, users.rows()[1]
    depart(users)
    assert list(mine) == []
    assert list(users.theirs.order_by("id").values_list()) == theirs
