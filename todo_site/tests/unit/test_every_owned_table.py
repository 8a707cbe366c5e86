"""One person's data in every owned table: exported, erased, imported. A table that is forgotten fails here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tasks.admin import OwnedModelAdmin
from tasks.transfer.importers.json import SKIPPED_SECTIONS
from tasks.transfer.models import PendingImport
from todo_site.account_deletion import count_rows, erase_rows
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalHead
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.registry import exported_models, owned_models
from todo_site.ownership.tests.factories import make_row
from todo_site.preferences.models import Preferences

pytestmark = pytest.mark.django_db

# What each rule leaves out. A new model is in none of them.
NOT_EXPORTED: set[type[OwnedBase]] = {PendingImport, Preferences, JournalHead}
NOT_COUNTED: set[type[OwnedBase]] = {Preferences, JournalHead}
NOT_ERASED: set[type[OwnedBase]] = {Preferences}
EXPORTED_WITHOUT_A_MODEL = {"trash"}


def rows(user: User) -> dict[type[OwnedBase], list[Any]]:
    """Return the rows of a user in every owned table, as the database has them."""
    return {model: list(model.objects.for_user(user.id).order_by("pk").values()) for model in owned_models()}


def fill(user: User) -> None:
    for model in owned_models():
        make_row(model, user.id)


def read_export(client: Client) -> dict[str, Any]:
    response: Any = client.get("/export/tasks.json")
    found: dict[str, Any] = json.loads(b"".join(response.streaming_content))
    return found


def test_exports_erases_and_imports_every_owned_table(
    alice: User, bob: User, alices: Client, sign_in: Callable[[User], Client]
) -> None:
    fill(alice)
    fill(bob)
    before, bobs = rows(alice), rows(bob)
    assert all(before.values())

    export = read_export(alices)
    exported = exported_models()
    assert set(owned_models()) - set(exported.values()) == NOT_EXPORTED
    assert set(export) == {"contract", "exported_at", *exported, *EXPORTED_WITHOUT_A_MODEL}
    for key, model in exported.items():
        assert len(export[key]) == len(before[model]), key

    counts = count_rows(alice.id)
    counted = {model for model in owned_models() if counts.get(model._meta.label)}
    assert counted == set(owned_models()) - NOT_COUNTED
    erase_rows(alice.id)
    assert {model for model, kept in rows(alice).items() if kept} == NOT_ERASED
    assert rows(bob) == bobs

    import_file(alices, export)
    after = rows(alice)
    imported = {model for key, model in exported.items() if key not in SKIPPED_SECTIONS}
    assert {model: after[model] for model in imported} == {model: before[model] for model in imported}
    assert read_export(alices)["tasks"] == export["tasks"]
    assert rows(bob) == bobs


def import_file(client: Client, export: dict[str, Any]) -> None:
    file = SimpleUploadedFile("tasks.json", json.dumps(export).encode(), "application/json")
    assert client.post("/import/", {"file": file}).status_code == 303
    page = client.get("/import/")
    path = page.text.partition('action="/import/')[2].partition('"')[0]
    assert client.post(f"/import/{path}", {}).status_code == 303


def test_deletes_every_owned_table_with_the_account(alice: User, bob: User) -> None:
    fill(alice)
    fill(bob)
    bobs = rows(bob)
    User.objects.filter(pk=alice.id).delete()
    assert not any(rows(alice).values())
    assert rows(bob) == bobs


def test_shows_staff_owned_rows_through_their_owner_alone() -> None:
    for model, model_admin in admin.site._registry.items():
        assert isinstance(model_admin, OwnedModelAdmin) == issubclass(model, OwnedBase), model
