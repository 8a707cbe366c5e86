"""The page of the display settings, and whose preferences it shows and changes."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from todo_site.better_auth.models import User
from todo_site.ownership.managers import UserIdRequired
from todo_site.preferences.models import Preferences
from todo_site.preferences.tests.display import CHOICES, DEFAULTS, PAGE, form_of, stored

pytestmark = pytest.mark.django_db
STORED = {**CHOICES, "shortcuts": False}


def test_keeps_what_was_chosen_and_shows_it_from_then_on(alice: User, alices: Client) -> None:
    response = alices.post(PAGE, CHOICES)
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    assert stored(alice) == STORED
    page = alices.get(PAGE).text
    assert "Settings saved." in page
    assert form_of(page).items() >= CHOICES.items()
    for path in ("/", "/nothing-here/"):
        assert 'data-theme="dark" data-density="compact" data-shortcuts="off">' in alices.get(path).text


def test_begins_with_what_the_browser_says(alice: User, alices: Client) -> None:
    page = alices.get(PAGE).text
    assert 'data-theme="device" data-density="comfortable">' in page
    assert form_of(page)["time_zone"] == ""
    assert stored(alice) == {}


@pytest.mark.parametrize(
    "rubbish",
    [
        {"language": "tlh"},
        {"language": "../../etc"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "/etc/localtime"},
        {"time_zone": "localtime"},
        {"time_zone": "Europe/Berlin\0"},
        {"time_zone": "x" * 100_000},
        {"theme": "pink"},
        {"theme": '"><script>'},
        {"density": ""},
        {"shortcuts": "maybe"},
        {"shortcuts": ""},
    ],
)
def test_refuses_rubbish_and_changes_nothing(alice: User, alices: Client, rubbish: dict[str, str]) -> None:
    alices.post(PAGE, CHOICES)
    response = alices.post(PAGE, {**CHOICES, "theme": "light", **rubbish})
    assert response.status_code == 422
    assert "Please check the following" in response.text
    assert "<script>" not in response.text
    assert 'data-theme="dark"' in response.text
    assert stored(alice) == STORED


def test_refuses_an_empty_form(alice: User, alices: Client) -> None:
    assert alices.post(PAGE, {}).status_code == 422
    assert stored(alice) == {}


def test_changes_in_each_of_two_tabs_only_what_was_changed_in_it(alice: User, alices: Client) -> None:
    one, other = form_of(alices.get(PAGE).text), form_of(alices.get(PAGE).text)
    alices.post(PAGE, {**one, "theme": "dark"})
    alices.post(PAGE, {**other, "density": "compact", "shortcuts": "False"})
    assert stored(alice) == {**DEFAULTS, "theme": "dark", "density": "compact", "shortcuts": False}


def test_sends_people_without_a_session_to_sign_in(client: Client) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/sign-in/")
    assert client.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"}).status_code == 401


def test_shows_and_changes_nobody_elses(alice: User, bob: User, alices: Client, bobs: Client) -> None:
    alices.post(PAGE, CHOICES)
    assert form_of(bobs.get(PAGE).text)["theme"] == "device"
    bobs.post(PAGE, {**CHOICES, "theme": "light", "user": alice.id, "user_id": alice.id, "pk": alice.id})
    assert stored(alice) == STORED
    assert stored(bob) == {**STORED, "theme": "light"}


def test_needs_an_owner(alice: User, bob: User) -> None:
    Preferences.objects.for_user(alice.id).upsert(theme="dark")
    with pytest.raises(UserIdRequired):
        Preferences.objects.count()
    with pytest.raises(UserIdRequired):
        Preferences.objects.for_user(bob.id).create(user_id=alice.id)
    with pytest.raises(UserIdRequired), transaction.atomic():
        Preferences.objects.all().upsert(theme="light")
    assert not Preferences.objects.for_user(bob.id).filter(pk=alice.id).update(theme="light")
    assert stored(alice) == {**DEFAULTS, "theme": "dark"}


def test_goes_with_the_account(alice: User) -> None:
    own = Preferences.objects.for_user(alice.id)
    own.upsert(theme="dark")
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM "user" WHERE id = %s', [alice.id])
    assert not own.exists()


def test_is_one_row_however_often_it_is_remembered(alice: User) -> None:
    own = Preferences.objects.for_user(alice.id)
    for theme in ("dark", "light", "dark"):
        own.upsert(theme=theme)
    assert own.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        own.create()


@pytest.mark.parametrize("field", ["theme", "density"])
def test_is_held_to_what_there_is_by_the_database(alice: User, field: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Preferences.objects.for_user(alice.id).create(**{field: "pink"})
