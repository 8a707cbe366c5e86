"""Every owned model against every way to read or write somebody else's rows. New models are covered by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q

from todo_site.better_auth.models import User
from todo_site.ownership.managers import UserIdRequired
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.registry import owned_models
from todo_site.ownership.tests.factories import make_row

pytestmark = pytest.mark.django_db

OWNED = [pytest.param(model, id=model._meta.label) for model in owned_models()]


@pytest.fixture(params=OWNED)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def mine(model: Any, alice: User) -> Any:
    return make_row(model, alice.id)


@pytest.fixture
def theirs(model: Any, bob: User) -> Any:
    return make_row(model, bob.id)


def values_of(row: OwnedBase) -> dict[str, Any]:
    """Return all column values of a row as the database has them now."""
    (found,) = type(row).objects.for_user(row.owner).filter(pk=row.pk).values()
    return dict(found)


# Each is tried with the rows of one user, and must find nothing of the other's.
READS: dict[str, Callable[[Any, Any], Any]] = {
    "filter": lambda rows, theirs: rows.filter(pk=theirs.pk),
    "or": lambda rows, theirs: rows.filter(Q(pk=theirs.pk) | Q(user_id=theirs.user_id)),
    "exclude": lambda rows, theirs: rows.exclude(user_id="nobody"),
    "in": lambda rows, theirs: rows.filter(pk__in=[theirs.pk]),
    "in_bulk": lambda rows, theirs: rows.in_bulk([theirs.pk]).values(),
    "values": lambda rows, theirs: rows.filter(pk=theirs.pk).values_list("pk"),
    "iterator": lambda rows, theirs: [row for row in rows.iterator(10) if row.pk == theirs.pk],
    "dates": lambda rows, theirs: rows.filter(user_id=theirs.user_id),
    "only": lambda rows, theirs: rows.only("user_id").filter(user_id=theirs.user_id),
    "exists": lambda rows, theirs: [1] if rows.filter(pk=theirs.pk).exists() else [],
    "count": lambda rows, theirs: [1] if rows.filter(pk=theirs.pk).count() else [],
    "aggregate": lambda rows, theirs: [1] if rows.filter(pk=theirs.pk).aggregate(n=Count("*"))["n"] else [],
    "subquery": lambda rows, theirs: [
        row for row in rows.filter(Exists(rows.filter(pk=OuterRef("pk")))) if row.pk == theirs.pk
    ],
    "cleared where": lambda rows, theirs: clear_where(rows.filter(pk=theirs.pk)).filter(pk=theirs.pk),
}


def clear_where(rows: Any) -> Any:
    rows = rows.all()
    rows.query.clear_where()
    return rows


@pytest.mark.parametrize("read", READS)
def test_reads_nothing_of_somebody_else(model: Any, alice: User, mine: Any, theirs: Any, read: str) -> None:
    found = [row for row in READS[read](model.objects.for_user(alice.id), theirs) if row != mine]
    assert found == []


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "delete": lambda rows, theirs: rows.filter(pk=theirs.pk).delete(),
    "delete all": lambda rows, theirs: rows.all().delete(),
    "update": lambda rows, theirs: rows.filter(pk=theirs.pk).update(**{changeable(theirs): None}),
}


def changeable(row: OwnedBase) -> str:
    fixed = {"user", row._meta.pk.name, "created_at"}
    return next(field.name for field in row._meta.concrete_fields if field.name not in fixed)


@pytest.mark.parametrize("write", WRITES)
def test_writes_nothing_of_somebody_else(model: Any, alice: User, mine: Any, theirs: Any, write: str) -> None:
    before = values_of(theirs)
    try:
        with transaction.atomic():
            WRITES[write](model.objects.for_user(alice.id), theirs)
    except IntegrityError:
        pass  # an append-only table refuses its owner too
    assert values_of(theirs) == before


UNBOUND: dict[str, Callable[[Any, Any], Any]] = {
    "all": lambda model, row: list(model.objects.all()),
    "get": lambda model, row: model.objects.get(pk=row.pk),
    "count": lambda model, row: model.objects.count(),
    "exists": lambda model, row: model.objects.filter(pk=row.pk).exists(),
    "update": lambda model, row: model.objects.filter(pk=row.pk).update(**{changeable(row): None}),
    "delete": lambda model, row: model.objects.all().delete(),
    "base manager": lambda model, row: list(model._base_manager.all()),
    "raw": lambda model, row: model.objects.raw("SELECT 1"),
    "extra": lambda model, row: model.objects.extra(where=["1=1"]),
    "bulk_create": lambda model, row: model.objects.bulk_create([row]),
    "str": lambda model, row: str(model.objects.all().query),
    "subquery": lambda model, row: list(User.objects.filter(Exists(model.objects.filter(user_id=OuterRef("pk"))))),
}


@pytest.mark.parametrize("call", UNBOUND)
def test_refuses_a_query_without_a_user(model: Any, theirs: Any, call: str) -> None:
    before = values_of(theirs)
    with pytest.raises(UserIdRequired), transaction.atomic():
        UNBOUND[call](model, theirs)
    assert values_of(theirs) == before


@pytest.mark.parametrize("user_id", ["", None, [], 0, {"id": "a"}], ids=repr)
def test_refuses_what_is_not_a_user_id(model: Any, user_id: Any) -> None:
    with pytest.raises(UserIdRequired):
        model.objects.for_user(user_id)


def test_gives_no_row_away(model: Any, alice: User, bob: User, mine: Any) -> None:
    with pytest.raises((UserIdRequired, ValueError)):
        model.objects.for_user(alice.id).update(user_id=bob.id)
    mine.user_id = bob.id
    with pytest.raises((model.NotUpdated, IntegrityError, UserIdRequired)), transaction.atomic():
        mine.save(force_update=True)
    assert model.objects.for_user(alice.id).filter(user_id=alice.id).count() == 1


def test_has_a_policy_for_each_owned_model() -> None:
    """Each model states its ownership in a migration: makemigrations found nothing to add."""
    from django.db.migrations.loader import MigrationLoader

    from todo_site.ownership.operations import OPTION
    from todo_site.ownership.registry import frozen_declaration

    state = MigrationLoader(None).project_state()
    for owned in owned_models():
        key = owned._meta.app_label, str(owned._meta.model_name)
        assert state.models[key].options[OPTION] == frozen_declaration(owned), owned
    declared = {key for key, model_state in state.models.items() if OPTION in model_state.options}
    assert declared == {(owned._meta.app_label, owned._meta.model_name) for owned in owned_models()}
    assert {apps.get_model(*key) for key in declared} == set(owned_models())
