"""Every way to read: bound to a user it shows that user's rows, unbound it raises."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.management import call_command
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery, Value, Window
from django.db.models.functions import RowNumber
from django.forms import ModelChoiceField, modelformset_factory
from django.http import Http404
from django.shortcuts import get_list_or_404, get_object_or_404
from django.test import RequestFactory
from django.utils.text import format_lazy
from django.views.generic import DetailView, ListView

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.two_users import TwoUsers, collect, make_two_users, titles
from todo_site.better_auth.models import User
from todo_site.ownership.managers import OwnedManager, UserIdRequired

type Look = Callable[[Any], object]  # of a TaskQuerySet
type Expect = Callable[[list[Task]], object]

pytestmark = pytest.mark.django_db
users = pytest.fixture(make_two_users)


def test_binds_for_a_model_that_has_no_queryset_of_its_own(users: TwoUsers) -> None:
    manager: OwnedManager[Task] = OwnedManager()
    manager.model = Task
    assert titles(manager.for_user(users.alice.id).order_by("title")) == titles(users.mine)
    with pytest.raises(UserIdRequired):
        manager.count()
    assert manager.db_manager("elsewhere").for_user(users.alice.id).db == "elsewhere"


def first(own: list[Task]) -> Task:
    return own[0]


def last(own: list[Task]) -> Task:
    return own[-1]


def owner(own: list[Task]) -> User:
    return own[0].user


def shown_in_list_view(tasks: TaskQuerySet) -> list[Task]:
    response = ListView.as_view(queryset=tasks)(RequestFactory().get("/"))
    return list(response.context_data["object_list"])  # type: ignore[attr-defined]


def shown_as_choices(tasks: TaskQuerySet) -> list[str]:
    choices: Any = ModelChoiceField(tasks, empty_label=None).choices
    return [label for _, label in choices]


def with_reloaded_query(tasks: TaskQuerySet) -> list[Task]:
    again = tasks.all()
    again.query = pickle.loads(pickle.dumps(tasks.query))
    return list(again)


def counts_by_user(tasks: TaskQuerySet) -> models.QuerySet[Any, Any]:
    return tasks.order_by().values("user_id").annotate(n=Count("pk"))


def read(name: str, look: Look, expect: Expect) -> Any:
    return pytest.param(look, expect, id=name)


READS = [
    read("iteration", list, list),
    read("len", len, len),
    read("bool", bool, bool),
    read("get", lambda tasks: tasks.get(title__endswith="1"), first),
    read("aget", lambda tasks: async_to_sync(tasks.aget)(title__endswith="1"), first),
    read("count", lambda tasks: tasks.count(), len),
    read("acount", lambda tasks: async_to_sync(tasks.acount)(), len),
    read("exists", lambda tasks: tasks.exists(), bool),
    read("aexists", lambda tasks: async_to_sync(tasks.aexists)(), bool),
    read("first", lambda tasks: tasks.first(), first),
    read("afirst", lambda tasks: async_to_sync(tasks.afirst)(), first),
    read("last", lambda tasks: tasks.last(), last),
    read("alast", lambda tasks: async_to_sync(tasks.alast)(), last),
    read("earliest", lambda tasks: tasks.earliest("title"), first),
    read("aearliest", lambda tasks: async_to_sync(tasks.aearliest)("title"), first),
    read("latest", lambda tasks: tasks.latest("title"), last),
    read("alatest", lambda tasks: async_to_sync(tasks.alatest)("title"), last),
    read("index", lambda tasks: tasks[0], first),
    read("slice", lambda tasks: list(tasks[1:50]), lambda own: own[1:]),
    read("slice with a step", lambda tasks: tasks[0:50:2], lambda own: own[0:50:2]),
    read("in_bulk", lambda tasks: tasks.in_bulk(), lambda own: {task.pk: task for task in own}),
    read("ain_bulk", lambda tasks: async_to_sync(tasks.ain_bulk)(), lambda own: {task.pk: task for task in own}),
    read("values", lambda tasks: list(tasks.values("title")), lambda own: [{"title": task.title} for task in own]),
    read("values_list", lambda tasks: list(tasks.values_list("title", flat=True)), titles),
    read("iterator", lambda tasks: list(tasks.iterator(chunk_size=1)), list),
    read("aiterator", lambda tasks: async_to_sync(collect)(tasks.aiterator(chunk_size=1)), list),
    read("async for", async_to_sync(collect), list),
    read("dates", lambda tasks: list(tasks.dates("created_at", "day")), lambda own: [own[0].created_at.date()]),
    read("datetimes", lambda tasks: list(tasks.datetimes("created_at", "day")), lambda own: [own[0].created_at]),
    read("reverse", lambda tasks: list(tasks.reverse()), lambda own: own[::-1]),
    read("distinct", lambda tasks: list(tasks.distinct()), list),
    read("defer", lambda tasks: titles(tasks.defer("title")), titles),
    read("using", lambda tasks: list(tasks.using("default")), list),
    read(
        "select_related", lambda tasks: {task.user for task in tasks.select_related("user")}, lambda own: {owner(own)}
    ),
    read("prefetch", lambda tasks: {task.user for task in tasks.prefetch_related("user")}, lambda own: {owner(own)}),
    read("select_for_update", lambda tasks: list(tasks.select_for_update()), list),
    read("explain", lambda tasks: bool(tasks.explain()), bool),
    read("aexplain", lambda tasks: bool(async_to_sync(tasks.aexplain)()), bool),
    read("str", lambda tasks: re.findall(r'"user_id" = (\S+)', str(tasks.query)), lambda own: [own[0].user_id]),
    read("sql_with_params", lambda tasks: tasks.query.sql_with_params()[1], lambda own: (own[0].user_id,)),
    read("pickled queryset", lambda tasks: list(pickle.loads(pickle.dumps(tasks))), list),
    read("queryset of a pickle", lambda tasks: list(pickle.loads(pickle.dumps(tasks)).all()), list),
    read("pickled query", with_reloaded_query, list),
    read("copy", lambda tasks: list(copy.copy(tasks)), list),
    read("deepcopy", lambda tasks: list(copy.deepcopy(tasks)), list),
    # Aggregates and groups
    read("aggregate", lambda tasks: tasks.aggregate(n=Count("pk")), lambda own: {"n": len(own)}),
    read("aaggregate", lambda tasks: async_to_sync(tasks.aaggregate)(n=Max("title")), lambda own: {"n": own[-1].title}),
    read("aggregate of a slice", lambda tasks: tasks[:50].aggregate(n=Count("pk")), lambda own: {"n": len(own)}),
    read("count of a slice", lambda tasks: tasks[1:].count(), lambda own: len(own) - 1),
    read("count of distinct values", lambda tasks: tasks.values("user_id").distinct().count(), lambda own: 1),
    read("group by", lambda tasks: counts_by_user(tasks).get(), lambda own: {"user_id": owner(own).pk, "n": len(own)}),
    read("having", lambda tasks: list(tasks.annotate(n=Count("pk")).filter(Q(n=1) | Q(title__contains=""))), list),
    read("window", lambda tasks: {task.n for task in tasks.annotate(n=Window(Count("pk")))}, lambda own: {len(own)}),
    read("filtered window", lambda tasks: list(tasks.annotate(n=Window(RowNumber())).filter(n__lte=50)), list),
    # Inside other queries
    read("in of another model", lambda tasks: User.objects.get(pk__in=tasks.values("user_id")), owner),
    read("equal of another model", lambda tasks: User.objects.get(pk=tasks.values("user_id")[:1]), owner),
    read("Exists", lambda tasks: User.objects.get(Exists(tasks.filter(user_id=OuterRef("pk")))), owner),
    read(
        "Subquery",
        lambda tasks: User.objects.annotate(title=Subquery(tasks.values("title")[:1])).values_list("title", flat=True)[
            0
        ],
        lambda own: own[0].title,
    ),
    read(
        "union of another model",
        lambda tasks: set(User.objects.values_list("name").union(tasks.order_by().values_list("title"))),
        lambda own: {("Alice",), ("Bob",), *((task.title,) for task in own)},
    ),
    read("in of its own model", lambda tasks: list(tasks.filter(pk__in=tasks)), list),
    read("Exists of its own model", lambda tasks: list(tasks.filter(Exists(tasks.filter(pk=OuterRef("pk"))))), list),
    read(
        "Subquery of its own model",
        lambda tasks: {task.n for task in tasks.annotate(n=Subquery(counts_by_user(tasks).values("n")))},
        lambda own: {len(own)},
    ),
    # Other people's code
    read("get_object_or_404", lambda tasks: get_object_or_404(tasks, title__endswith="1"), first),
    read("get_list_or_404", get_list_or_404, list),
    read("ListView", shown_in_list_view, list),
    read("Paginator", lambda tasks: list(Paginator(tasks, 50).page(1)), list),
    read("ModelChoiceField", shown_as_choices, titles),
    read(
        "formset",
        lambda tasks: [form.instance for form in modelformset_factory(Task, fields=["title"])(queryset=tasks)][:-1],
        list,
    ),
    read(
        "serialize",
        lambda tasks: [row.object for row in serializers.deserialize("json", serializers.serialize("json", tasks))],
        list,
    ),
]


@pytest.mark.parametrize(("look", "expect"), READS)
def test_shows_each_user_their_own_rows(look: Look, expect: Expect, users: TwoUsers) -> None:
    for user, own in ((users.alice, ["A1", "A2"]), (users.bob, ["B1", "B2", "B3"])):
        tasks = Task.objects.for_user(user.id).order_by("title")
        assert titles(tasks) == own
        assert look(tasks.all()) == expect(list(tasks))


@pytest.mark.parametrize(("look", "expect"), READS)
def test_refuses_to_read_without_a_user(look: Look, expect: Expect, users: TwoUsers) -> None:
    with pytest.raises(UserIdRequired, match="for_user"):
        look(Task.objects.all().order_by("title"))


BYPASSES: dict[str, Callable[[Task], object]] = {
    "objects": lambda task: Task.objects.get(pk=task.pk),
    "all": lambda task: list(Task.objects.all()),
    "using": lambda task: list(Task.objects.using("default")),
    "db_manager": lambda task: list(Task.objects.db_manager("default").all()),
    "_base_manager": lambda task: Task._base_manager.get(pk=task.pk),
    "_default_manager": lambda task: Task._default_manager.get(pk=task.pk),
    "manager of an instance's class": lambda task: type(task).objects.count(),
    "get_object_or_404 of the model": lambda task: get_object_or_404(Task, pk=task.pk),
    "contains": Task.objects.contains,
    "acontains": async_to_sync(Task.objects.all().acontains),
    "ListView of the model": lambda task: list(ListView(model=Task).get_queryset()),
    "DetailView of the model": lambda task: DetailView.as_view(model=Task)(RequestFactory().get("/"), pk=task.pk),
    "formset of the model": lambda task: list(modelformset_factory(Task, fields=["title"])()),
    "content type": lambda task: ContentType.objects.get_for_model(Task).get_object_for_this_type(pk=task.pk),
    "objects of the content type": lambda task: list(
        ContentType.objects.get_for_model(Task).get_all_objects_for_this_type(pk=task.pk)
    ),
    "the next by date": lambda task: task.get_next_by_created_at(),
    "the previous by date": lambda task: task.get_previous_by_created_at(),
    "dumpdata": lambda task: call_command("dumpdata", "tasks.task", traceback=True),
    "dumpdata of all": lambda task: call_command("dumpdata", "tasks.task", use_base_manager=True, traceback=True),
    "a whole page of another model": lambda task: list(User.objects.filter(pk__in=Task.objects.values("user_id"))),
    "a bound query's own filter": lambda task: list(
        Task.objects.for_user(task.user_id).filter(pk__in=Task.objects.all())
    ),
    "exclude by an unbound query": lambda task: list(User.objects.exclude(pk__in=Task.objects.values("user_id"))),
}


@pytest.mark.parametrize("bypass", BYPASSES.values(), ids=BYPASSES)
def test_has_no_bypass(bypass: Callable[[Task], object], users: TwoUsers) -> None:
    with pytest.raises(UserIdRequired, match="for_user"):
        bypass(users.my_task)


# Alice asks for a task of Bob's: (her tasks, his task) -> what she sees.
PROBES: dict[str, Callable[[TaskQuerySet, Task], object]] = {
    "filter by pk": lambda mine, theirs: list(mine.filter(pk=theirs.pk)),
    "filter by owner": lambda mine, theirs: list(mine.filter(user_id=theirs.user_id)),
    "filter through the owner": lambda mine, theirs: list(mine.filter(user__email=theirs.user.email)),
    "OR in a filter": lambda mine, theirs: list(mine.filter(Q(pk=theirs.pk) | Q(user_id=theirs.user_id))),
    "OR with one's own id": lambda mine, theirs: list(mine.filter(Q(pk=theirs.pk) | Q(user_id="x", pk=theirs.pk))),
    "XOR in a filter": lambda mine, theirs: list(mine.filter(Q(pk=theirs.pk) ^ Q(pk=None))),
    "negation": lambda mine, theirs: list(mine.exclude(~Q(pk=theirs.pk))),
    "having": lambda mine, theirs: list(mine.annotate(n=Count("pk")).filter(Q(n=1) | Q(n=2), pk=theirs.pk)),
    "first": lambda mine, theirs: list(filter(None, [mine.filter(pk=theirs.pk).first()])),
    "count": lambda mine, theirs: mine.filter(pk=theirs.pk).count(),
    "exists": lambda mine, theirs: mine.filter(pk=theirs.pk).exists(),
    "contains": lambda mine, theirs: mine.contains(theirs),
    "acontains": lambda mine, theirs: async_to_sync(mine.acontains)(theirs),
    "in_bulk": lambda mine, theirs: mine.in_bulk([theirs.pk]),
    "ain_bulk": lambda mine, theirs: async_to_sync(mine.ain_bulk)([theirs.pk]),
    "values": lambda mine, theirs: list(mine.filter(pk=theirs.pk).values("title")),
    "Exists from another model": lambda mine, theirs: list(User.objects.filter(Exists(mine.filter(pk=theirs.pk)))),
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_finds_nothing_of_anybody_elses(probe: Callable[[TaskQuerySet, Task], object], users: TwoUsers) -> None:
    assert not probe(users.mine, users.their_task)


def test_cannot_tell_anybody_elses_from_missing(users: TwoUsers) -> None:
    key = users.their_task.pk
    with pytest.raises(Task.DoesNotExist):
        users.mine.get(pk=key)
    with pytest.raises(Task.DoesNotExist):
        async_to_sync(users.mine.aget)(pk=key)
    with pytest.raises(Http404):
        get_object_or_404(users.mine, pk=key)
    with pytest.raises(Http404):
        DetailView.as_view(queryset=users.mine)(RequestFactory().get("/"), pk=key)
    with pytest.raises(Task.DoesNotExist):
        users.mine.get(Q(pk=key) | Q(user_id=users.bob.pk))


def test_keeps_to_the_user_inside_an_or(users: TwoUsers) -> None:
    either = Q(pk=users.their_task.pk) | Q(user_id=users.alice.pk)
    assert titles(users.mine.filter(either)) == ["A1", "A2"]
    assert titles(users.mine.filter(either | Q(title__contains=""))) == ["A1", "A2"]
    assert '"task"."user_id" = ' in str(users.mine.query)  # other tables may have such a column


def test_keeps_each_queryset_to_its_own_user_when_nested(users: TwoUsers) -> None:
    """Two users in one statement, as in the admin's counts: each arm sees its own rows."""
    later = users.theirs.filter(title__gt=OuterRef("title"))
    assert titles(users.mine.filter(Exists(later))) == ["A1", "A2"]
    assert titles(users.mine.filter(pk__in=users.theirs)) == []
    numbers = users.mine.annotate(n=Subquery(counts_by_user(users.theirs).values("n")))
    assert list(numbers.values_list("title", "n")) == [("A1", 3), ("A2", 3)]


def test_stays_owned_when_the_kind_of_query_changes() -> None:
    for kind in (None, models.sql.Query, models.sql.UpdateQuery, models.sql.DeleteQuery):
        with pytest.raises(UserIdRequired):
            Task.objects.all().query.chain(kind).get_compiler("default")


def test_binds_to_one_string(users: TwoUsers) -> None:
    assert titles(Task.objects.for_user(users.alice.id).order_by("title")) == ["A1", "A2"]
    assert titles(Task.objects.all().filter(title="A1").for_user(users.alice.id)) == ["A1"]


NO_USER_IDS: dict[str, Callable[[User], object]] = {
    "None": lambda user: None,
    "empty": lambda user: "",
    "number": lambda user: 1,
    "true": lambda user: True,
    "bytes": lambda user: user.id.encode(),
    "user": lambda user: user,
    "list": lambda user: [user.id],
    "tuple": lambda user: (user.id,),
    "F": lambda user: models.F("user_id"),
    "OuterRef": lambda user: OuterRef("user_id"),
    "Value": lambda user: Value(user.id),
    "queryset": lambda user: User.objects.values("pk"),
    "Q": lambda user: Q(user_id=user.id),
    "lazy string": lambda user: format_lazy("{}", user.id),
    "missing id": lambda user: AnonymousUser().pk,
}


@pytest.mark.parametrize("make", NO_USER_IDS.values(), ids=NO_USER_IDS)
def test_binds_to_nothing_else(make: Callable[[User], Any], users: TwoUsers) -> None:
    entrances: list[Any] = [Task.objects, Task.objects.all(), users.mine, users.mine.none()]
    for tasks in entrances:
        with pytest.raises(UserIdRequired, match=r"Call Task\.objects\.for_user\(request\.user\.id\)"):
            tasks.for_user(make(users.alice))


def test_binds_once(users: TwoUsers) -> None:
    assert titles(users.mine.for_user(users.alice.id)) == ["A1", "A2"]
    for mine in (
        users.mine,
        users.mine.none(),
        users.mine.filter(title="A1"),
        users.mine.union(users.mine),
    ):
        with pytest.raises(UserIdRequired, match="already bound to another user"):
            mine.for_user(users.bob.id)


@pytest.mark.parametrize("name", ["raw", "extra"])
def test_has_no_raw_and_no_extra(name: str, users: TwoUsers) -> None:
    for tasks in (Task.objects, Task.objects.all(), users.mine):
        with pytest.raises(UserIdRequired, match=r"use .*filter\(\)"):
            getattr(tasks, name)("SELECT * FROM task")


def test_fetches_a_deferred_column_for_one_row_only(users: TwoUsers) -> None:
    """FETCH_PEERS would ask for many rows at once, by pk alone."""
    assert titles(users.mine.defer("title")) == ["A1", "A2"]
    peers = list(users.mine.fetch_mode(models.FETCH_PEERS).defer("title"))
    with pytest.raises(UserIdRequired):
        titles(peers)


ATTACKED = """
    aaggregate abulk_create abulk_update acontains acount acreate adelete aearliest aexists aexplain afirst aget
    aget_or_create aggregate ain_bulk aiterator alast alatest alias all annotate as_manager aupdate aupdate_or_create
    bulk_create bulk_update complex_filter contains count create dates datetimes db defer delete difference distinct
    earliest exclude exists explain extra fetch_mode filter first get get_or_create in_bulk intersection iterator last
    latest none only order_by ordered prefetch_related query raw resolve_expression reverse select_for_update
    select_related totally_ordered union update update_or_create using values values_list
"""


def test_knows_every_method_of_a_queryset() -> None:
    """A method that is new in Django wants an attack here before anybody calls it."""
    assert {name for name in vars(models.QuerySet) if not name.startswith("_")} == set(ATTACKED.split())
