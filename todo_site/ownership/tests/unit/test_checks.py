"""The system checks that keep every way into an owned table behind its manager."""
# ruff: noqa: DJ008  throw-away models print nothing

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core import checks
from django.db import models
from django.test.utils import isolate_apps

from tasks.models import Task
from todo_site.ownership.checks import check_owned_models
from todo_site.ownership.managers import OwnedQuerySet
from todo_site.ownership.models import OwnedBase

type Make = Callable[[], object]


@pytest.fixture
def _throw_away_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Models that a test makes go into a registry of their own, and that is where the check looks for them."""
    with isolate_apps("todo_site.ownership") as registry:
        monkeypatch.setattr("todo_site.ownership.checks.apps", registry)
        yield


def foreign_key() -> None:
    class Attachment(models.Model):
        task = models.ForeignKey(Task, on_delete=models.CASCADE)


def nameless_foreign_key() -> None:
    class Attachment(models.Model):
        task = models.ForeignKey(Task, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")


def one_to_one() -> None:
    class Details(models.Model):
        task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="+")


def many_to_many() -> None:
    class Label(models.Model):
        tasks = models.ManyToManyField(Task, related_name="+")


def foreign_key_to_a_proxy() -> None:
    class Chore(Task):
        class Meta:
            proxy = True

    class Attachment(models.Model):
        chore = models.ForeignKey(Chore, on_delete=models.CASCADE, related_name="+")


def foreign_object() -> None:
    class Attachment(models.Model):
        task_id = models.UUIDField()
        task = models.ForeignObject(
            Task, models.DO_NOTHING, from_fields=["task_id"], to_fields=["id"], related_name="+"
        )


def owned_to_owned() -> None:
    class Reversal(OwnedBase):
        task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")


def owned_to_itself() -> None:
    class Reversal(OwnedBase):
        before = models.ForeignKey("self", on_delete=models.CASCADE, related_name="+")


def inherited_table() -> None:
    class Chore(Task):
        pass


def abstract_relation() -> None:
    class Attached(models.Model):
        task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")

        class Meta:
            abstract = True

    class Attachment(Attached):
        pass


def named_foreign_key() -> None:
    class Note(OwnedBase):
        kind = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="notes")


def foreign_key_with_djangos_name() -> None:
    class Note(OwnedBase):
        kind = models.ForeignKey(ContentType, on_delete=models.CASCADE)


def named_one_to_one() -> None:
    class Note(OwnedBase):
        kind = models.OneToOneField(ContentType, on_delete=models.CASCADE, related_name="note")


def named_owner() -> None:
    class Note(OwnedBase):
        user = models.ForeignKey("better_auth.User", on_delete=models.DB_CASCADE, related_name="notes")


def named_many_to_many() -> None:
    class Note(OwnedBase):
        kinds = models.ManyToManyField(ContentType, related_name="notes")


def plain_manager() -> None:
    class Note(OwnedBase):
        objects: ClassVar[models.Manager[Note]] = models.Manager()  # type: ignore[assignment]


def plain_default_manager() -> None:
    class Note(OwnedBase):
        everything: ClassVar[models.Manager[Note]] = models.Manager()


def plain_second_manager() -> None:
    class Note(OwnedBase):
        everything: ClassVar[models.Manager[Note]] = models.Manager()

        class Meta:
            default_manager_name = "objects"


def plain_base_manager() -> None:
    class Note(OwnedBase):
        everything: ClassVar[models.Manager[Note]] = models.Manager()

        class Meta:
            base_manager_name = "everything"
            default_manager_name = "objects"


def plain_base_manager_of_a_first_parent() -> None:
    class Dated(models.Model):
        day = models.DateField()

        class Meta:
            abstract = True

    class Note(Dated, OwnedBase):
        pass


def plain_manager_with_an_owned_queryset() -> None:
    class Note(OwnedBase):
        objects: ClassVar[models.Manager[Note]] = models.Manager.from_queryset(OwnedQuerySet)()  # type: ignore[assignment]


def plain_manager_of_a_proxy() -> None:
    class Chore(Task):
        everything: ClassVar[models.Manager[Chore]] = models.Manager()

        class Meta:
            proxy = True


def found() -> set[str | None]:
    return {message.id for message in check_owned_models()}


FAULTS: dict[Make, set[str]] = {
    foreign_key: {"ownership.E001"},
    nameless_foreign_key: {"ownership.E001"},
    one_to_one: {"ownership.E001"},
    many_to_many: {"ownership.E001"},
    foreign_key_to_a_proxy: {"ownership.E001"},
    foreign_object: {"ownership.E001"},
    owned_to_owned: {"ownership.E001"},
    owned_to_itself: {"ownership.E001"},
    abstract_relation: {"ownership.E001"},
    inherited_table: {"ownership.E001", "ownership.E002"},
    named_foreign_key: {"ownership.E002"},
    foreign_key_with_djangos_name: {"ownership.E002"},
    named_one_to_one: {"ownership.E002"},
    named_owner: {"ownership.E002"},
    named_many_to_many: {"ownership.E001", "ownership.E002"},
    plain_manager: {"ownership.E003"},
    plain_default_manager: {"ownership.E003"},
    plain_second_manager: {"ownership.E003"},
    plain_base_manager: {"ownership.E003"},
    plain_base_manager_of_a_first_parent: {"ownership.E003"},
    plain_manager_with_an_owned_queryset: {"ownership.E003"},
    plain_manager_of_a_proxy: {"ownership.E003"},
}


def name(make: Any) -> str:
    return str(make.__name__).replace("_", " ")


@pytest.mark.usefixtures("_throw_away_models")
@pytest.mark.parametrize(("make", "ids"), FAULTS.items(), ids=map(name, FAULTS))
def test_refuses(make: Make, ids: set[str]) -> None:
    assert found() == set()
    make()
    assert found() == ids


def owned_model() -> None:
    class Note(OwnedBase):
        task_id = models.UUIDField()
        kind = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")


def owned_model_with_a_meta_of_its_own() -> None:
    class Note(OwnedBase):
        class Meta:
            ordering = ["pk"]


def proxy() -> None:
    class Chore(Task):
        class Meta:
            proxy = True


def other_model() -> None:
    class Kind(models.Model):
        parent = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="kinds")


FINE: list[Make] = [owned_model, owned_model_with_a_meta_of_its_own, proxy, other_model]


@pytest.mark.usefixtures("_throw_away_models")
@pytest.mark.parametrize("make", FINE, ids=map(name, FINE))
def test_accepts(make: Make) -> None:
    make()
    assert found() == set()


def test_finds_nothing_in_the_project() -> None:
    assert check_owned_models() == []


def test_runs_with_djangos_checks() -> None:
    assert check_owned_models in checks.registry.registry.get_checks()


@pytest.mark.usefixtures("_throw_away_models")
def test_says_how_to_mend_it() -> None:
    for make in (foreign_key, named_foreign_key, plain_manager_of_a_proxy):
        make()
    hints = {str(message.id): str(message.hint) for message in check_owned_models()}
    assert "for_user()" in hints["ownership.E001"]
    assert 'related_name="+"' in hints["ownership.E002"]
    assert "OwnedManager" in hints["ownership.E003"]
    assert all(message.level == checks.ERROR for message in check_owned_models())
