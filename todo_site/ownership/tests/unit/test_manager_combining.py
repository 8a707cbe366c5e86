"""Querysets put together, and WHEREs taken apart: whoever is mixed in, the rows stay one user's."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import models, transaction
from django.db.models import Count, Max, Q
from django.db.models.lookups import Exact
from django.db.models.sql.where import AND, OR, NothingNode, WhereNode

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.two_users import TwoUsers, hand_made, make_two_users, titles
from todo_site.better_auth.models import User
from todo_site.ownership.managers import UserIdRequired

type Tasks = models.QuerySet[Task]
type Combine = Callable[[Tasks, Tasks], object]

pytestmark = pytest.mark.django_db
users = pytest.fixture(make_two_users)

OPERATORS: dict[str, Combine] = {
    "|": lambda left, right: left | right,
    "&": lambda left, right: left & right,
    "^": lambda left, right: left ^ right,
    "combine OR": lambda left, right: left.query.combine(right.query, OR),
    "combine AND": lambda left, right: left.query.combine(right.query, AND),
    "union": lambda left, right: left.union(right),
    "union all": lambda left, right: left.union(right, all=True),
    "union of three": lambda left, right: left.union(left, right),
    "intersection": lambda left, right: left.intersection(right),
    "difference": lambda left, right: left.difference(right),
}

STRANGERS: dict[str, Callable[[TwoUsers], Tasks]] = {
    "another user's": lambda users: users.theirs,
    "another user's one row": lambda users: users.theirs.filter(pk=users.their_task.pk),
    "another user's slice": lambda users: users.theirs[:1],
    "unbound": lambda users: Task.objects.all(),
    "hand-made": lambda users: hand_made(),
    "hand-made and filtered": lambda users: hand_made().filter(user_id=users.alice.pk),
}

EMPTY_STRANGERS: dict[str, Callable[[TwoUsers], Tasks]] = {
    "another user's none": lambda users: users.theirs.none(),
    "unbound none": lambda users: Task.objects.none(),
    "hand-made none": lambda users: hand_made().none(),
}


@pytest.mark.parametrize("combine", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_combines_with_nobody_else(combine: Combine, stranger: Callable[[TwoUsers], Tasks], users: TwoUsers) -> None:
    for left in (
        users.mine,
        users.mine.filter(title="A1"),
        Task.objects.all(),
        Task.objects.filter(title="A1"),
    ):
        with pytest.raises(UserIdRequired, match="both are bound to the same user"):
            combine(left, stranger(users))


@pytest.mark.parametrize("combine", [OPERATORS[name] for name in "|&^"], ids="|&^")
@pytest.mark.parametrize(
    "stranger", [*STRANGERS.values(), *EMPTY_STRANGERS.values()], ids=[*STRANGERS, *EMPTY_STRANGERS]
)
def test_combines_with_nobody_else_when_empty(
    combine: Combine, stranger: Callable[[TwoUsers], Tasks], users: TwoUsers
) -> None:
    """Django hands back the other side of an empty one as it is."""
    for left in (users.mine.none(), Task.objects.none()):
        with pytest.raises(UserIdRequired, match="both are bound to the same user"):
            combine(left, stranger(users))


@pytest.mark.parametrize("name", ["intersection", "difference"])
@pytest.mark.parametrize(
    "stranger", [*STRANGERS.values(), *EMPTY_STRANGERS.values()], ids=[*STRANGERS, *EMPTY_STRANGERS]
)
def test_stays_empty_beside_a_stranger(name: str, stranger: Callable[[TwoUsers], Tasks], users: TwoUsers) -> None:
    for left in (users.mine.none(), Task.objects.none()):
        with suppress(UserIdRequired):
            assert list(getattr(left, name)(stranger(users))) == []


@pytest.mark.parametrize("stranger", EMPTY_STRANGERS.values(), ids=EMPTY_STRANGERS)
@pytest.mark.parametrize("name", ["union", "intersection", "difference"])
def test_shows_at_most_its_own_beside_an_empty_stranger(
    name: str, stranger: Callable[[TwoUsers], Tasks], users: TwoUsers
) -> None:
    with suppress(UserIdRequired):
        assert list(getattr(users.mine, name)(stranger(users))) == []


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        pytest.param(lambda one, all_: one | all_, ["A1", "A2"], id="|"),
        pytest.param(lambda one, all_: one & all_, ["A1"], id="&"),
        pytest.param(lambda one, all_: one ^ all_, ["A2"], id="^"),
        pytest.param(lambda one, all_: one.union(all_), ["A1", "A2"], id="union"),
        pytest.param(lambda one, all_: one.union(all_, all=True), ["A1", "A1", "A2"], id="union all"),
        pytest.param(lambda one, all_: one.union(all_, one, all_), ["A1", "A2"], id="union of four"),
        pytest.param(lambda one, all_: one.intersection(all_), ["A1"], id="intersection"),
        pytest.param(lambda one, all_: all_.difference(one), ["A2"], id="difference"),
        pytest.param(lambda one, all_: one.none() | all_, ["A1", "A2"], id="none |"),
        pytest.param(lambda one, all_: one.none().union(all_), ["A1", "A2"], id="none union"),
        pytest.param(lambda one, all_: all_.union(one.none()), ["A1", "A2"], id="union none"),
        pytest.param(lambda one, all_: one & all_.none(), [], id="& none"),
    ],
)
def test_combines_with_the_same_user(combine: Callable[..., Tasks], expected: list[str], users: TwoUsers) -> None:
    one, all_ = users.mine.filter(title="A1").order_by(), users.mine.order_by()
    combined = combine(one, all_)
    assert sorted(titles(combined)) == expected
    assert combined.count() == len(expected)
    assert combined.exists() is bool(expected)
    assert combined.aggregate(n=Count("*")) == {"n": len(expected)}
    assert sorted(titles(pickle.loads(pickle.dumps(combined.all())))) == expected
    assert titles(users.theirs) == ["B1", "B2", "B3"]


def test_keeps_to_the_user_in_an_or_of_two_querysets(users: TwoUsers) -> None:
    everything = users.mine.filter(title="A1") | users.mine.filter(Q(pk=users.their_task.pk) | Q(title__contains=""))
    assert titles(everything) == ["A1", "A2"]
    assert everything.update(title="Mine") == 2
    assert everything.delete()[0] == 2
    assert titles(users.theirs) == ["B1", "B2", "B3"]


def test_does_not_combine_a_slice_by_operator(users: TwoUsers) -> None:
    for combine in (OPERATORS["|"], OPERATORS["^"]):
        with pytest.raises(UserIdRequired):
            combine(users.mine[:1], users.mine)


def is_bobs(bob: User) -> WhereNode:
    is_bob: Any = Exact(Task._meta.get_field("user").get_col("task"), bob.pk)
    return WhereNode([is_bob])


# Alice has the query in her hands and mends its WHERE.
TAMPERING: dict[str, Callable[[TaskQuerySet, User], object]] = {
    "nothing": lambda tasks, bob: None,
    "clear_where": lambda tasks, bob: tasks.query.clear_where(),
    "a new where": lambda tasks, bob: setattr(tasks.query, "where", WhereNode()),
    "Bob's where": lambda tasks, bob: setattr(tasks.query, "where", is_bobs(bob)),
    "children cleared": lambda tasks, bob: tasks.query.where.children.clear(),
    "OR Bob's": lambda tasks, bob: tasks.query.where.add(is_bobs(bob), OR),
    "OR nothing": lambda tasks, bob: tasks.query.where.add(NothingNode(), OR),
    "AND nothing": lambda tasks, bob: tasks.query.where.add(NothingNode(), AND),
    "OR beside nothing": lambda tasks, bob: setattr(tasks.query, "where", WhereNode([NothingNode(), is_bobs(bob)], OR)),
    "NOT nothing": lambda tasks, bob: setattr(tasks.query, "where", WhereNode([NothingNode()], negated=True)),
    "negated": lambda tasks, bob: tasks.query.where.negate(),
    "AND made OR": lambda tasks, bob: setattr(tasks.query.where, "connector", OR),
    "a filter that OR-s everything": lambda tasks, bob: tasks.query.add_q(Q(title__contains="") | Q(user_id=bob.pk)),
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
def test_keeps_to_the_user_whatever_happens_to_the_where(tamper: Callable[..., object], users: TwoUsers) -> None:
    for tasks in (users.mine, users.mine.filter(title="B1"), users.mine.none()):
        tamper(tasks, users.bob)
        assert {"A1", "A2"}.issuperset(titles(tasks.all()))
        assert tasks.count() <= 2
        assert tasks.aggregate(n=Max("title"))["n"] in {"A1", "A2", None}
        assert User.objects.filter(pk=users.bob.pk, pk__in=tasks.values("user_id")).count() == 0
        tasks.update(title="Mine")
        tasks.delete()
    assert titles(users.theirs) == ["B1", "B2", "B3"]


def look_and_write(tasks: TaskQuerySet) -> list[Callable[[], object]]:
    """All that an unbound queryset refuses; where it is known to be empty, it may answer "nothing" instead."""
    return [
        lambda: list(tasks.all()),
        tasks.count,
        tasks.exists,
        lambda: list(User.objects.filter(pk__in=tasks.values("user_id"))),
        lambda: tasks.update(title="Mine"),
        lambda: tasks.delete()[0],
    ]


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
def test_shows_nothing_without_a_user_whatever_happens_to_the_where(
    tamper: Callable[..., object], users: TwoUsers
) -> None:
    before = users.rows()
    for tasks in (TaskQuerySet(Task), TaskQuerySet(Task).filter(title="B1"), Task.objects.none()):
        tamper(tasks, users.bob)
        for attempt in look_and_write(tasks):
            with suppress(UserIdRequired), transaction.atomic():
                assert not attempt()
    assert users.rows() == before


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "unbound"])
def test_shows_nothing_in_none(bound: bool, users: TwoUsers) -> None:
    nothing = users.mine.none() if bound else Task.objects.none()
    assert list(nothing) == []
    assert (nothing.count(), nothing.exists(), nothing.first()) == (0, False, None)
    assert nothing.aggregate(n=Count("pk")) == {"n": 0}
    # What is worked out of no rows at all, the database has to say.
    assert "WHERE 0 = 1" in nothing.query.get_compiler("default", elide_empty=False).as_sql()[0]
    assert (nothing.update(title="x"), nothing.delete()[0]) == (0, 0)
    assert list(User.objects.filter(pk__in=nothing.values("user_id"))) == []
    assert len(users.mine) + len(users.theirs) == 5


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_takes_no_stranger_into_the_union_of_an_empty_one(
    stranger: Callable[[TwoUsers], Tasks], users: TwoUsers
) -> None:
    for left in (users.mine.none(), Task.objects.none()):
        with pytest.raises(UserIdRequired):
            left.union(stranger(users))
        with pytest.raises(UserIdRequired):
            left.union(stranger(users), users.mine)
