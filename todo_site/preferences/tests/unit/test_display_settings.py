"""How the pages look to each person: kept by the database, mirrored in a cookie, and nobody else's business."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.ownership.managers import UserIdRequired
from todo_site.preferences import cookie
from todo_site.preferences.models import Preferences

pytestmark = pytest.mark.django_db

PAGE = "/settings/display/"
COOKIE = settings.PREFERENCES_COOKIE_NAME
CHOICES = {"language": "", "time_zone": "Asia/Tokyo", "theme": "dark", "density": "compact", "shortcuts": "False"}
DEFAULTS = {"language": "", "time_zone": "", "theme": "device", "density": "comfortable", "shortcuts": True}
STORED = {**CHOICES, "shortcuts": False}


def stored(user: User) -> dict[str, Any]:
    row = Preferences.objects.for_user(user.id).values(*DEFAULTS).first()
    return dict(row) if row else {}


def mirror_of(**fields: Any) -> str:
    cookie.write(response := HttpResponse(), Preferences(**fields))
    return response.cookies[COOKIE].value


def form_of(html: str) -> dict[str, str]:
    """What a browser would send of the form as the page shows it."""
    hidden = dict(re.findall(r'<input type="hidden" name="(initial-\w+)"(?: value="([^"]*)")?', html))
    selects = re.findall(r'<select name="(\w+)".*?<option value="([^"]*)" selected', html, re.DOTALL)
    return {**hidden, **dict(selects)}


# The form


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


# Isolation


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


@pytest.mark.postgresql
def test_is_protected_by_row_level_security(alice: User, bob: User, bobs: Client) -> None:
    from todo_site.ownership.row_level_security import scoped_to
    from todo_site.ownership.tests.integration.test_row_level_security import sql

    Preferences.objects.for_user(alice.id).upsert(theme="dark")
    with scoped_to(lambda: bob.id):
        assert sql("SELECT theme FROM preferences") == []
        assert sql("UPDATE preferences SET theme = 'light'") == [0]
    del bobs.cookies[COOKIE]
    assert bobs.get("/").status_code == 200  # its row is looked up behind the layer
    assert stored(alice)["theme"] == "dark"


# The mirror


def queries(browser: Client, path: str = "/") -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


def test_asks_the_database_once_and_not_on_every_page(alice: User, alices: Client) -> None:
    del alices.cookies[COOKIE]
    assert [queries(alices), queries(alices), queries(alices)] == [4, 3, 3]
    Preferences.objects.for_user(alice.id).upsert(theme="dark")
    del alices.cookies[COOKIE]
    assert [queries(alices), queries(alices)] == [4, 3]
    assert 'data-theme="dark"' in alices.get("/").text


def test_follows_another_browser_within_the_hour(
    alice: User, sign_in: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = sign_in(alice), sign_in(alice)
    one.post(PAGE, CHOICES)
    page = other.get("/")
    assert 'data-theme="device"' in page.text
    assert COOKIE not in page.cookies  # or it would be believed for an hour more with each page
    now = datetime.now(UTC).timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 3601)
    assert 'data-theme="dark"' in other.get("/").text


@pytest.mark.parametrize("path", ["/", "/tasks/new/", PAGE])
def test_takes_no_notice_of_somebody_elses_mirror(alice: User, bob: User, bobs: Client, path: str) -> None:
    bobs.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", language="de", time_zone="Asia/Tokyo")
    response = bobs.get(path, headers={"accept-language": "en"})
    assert 'data-theme="device"' in response.text
    assert 'lang="en"' in response.text
    assert 'data-theme="device"' in bobs.get("/").text
    assert stored(alice) == stored(bob) == {}


@pytest.mark.parametrize(
    "forge",
    [
        lambda alice: "",
        lambda alice: "x",
        lambda alice: "é:ü:ß",
        lambda alice: "a" * 4000,
        lambda alice: mirror_of(user_id=alice.id, theme="dark")[:-1] + "_",
        lambda alice: "e30" + mirror_of(user_id=alice.id, theme="dark"),
        lambda alice: signing.dumps({"user_id": alice.id, "theme": "dark"}, salt="another"),
        lambda alice: signing.dumps({"user_id": alice.id, "theme": "dark"}, salt=cookie.SALT),
        lambda alice: signing.dumps([alice.id], salt=cookie.SALT),
    ],
)
def test_takes_no_notice_of_a_forged_mirror(alice: User, alices: Client, forge: Callable[[User], str]) -> None:
    alices.cookies[COOKIE] = forge(alice)
    response = alices.get("/")
    assert 'data-theme="device"' in response.text
    assert cookie.SALT not in response.text
    assert response.cookies[COOKIE].value


def test_never_says_what_is_stored(alice: User, alices: Client) -> None:
    alices.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark")
    page = alices.get(PAGE)
    assert form_of(page.text)["theme"] == "device"
    assert 'data-theme="device"' in page.text
    alices.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", time_zone="Asia/Tokyo")
    alices.post(PAGE, {**form_of(page.text), "density": "compact"})
    assert stored(alice) == {**DEFAULTS, "density": "compact"}


def test_are_nobodys_on_a_page_for_everybody(alices: Client) -> None:
    alices.post(PAGE, {**CHOICES, "language": "de"})
    assert [alices.get(path).headers["Content-Language"] for path in ("/", "/sign-in/")] == ["de", "en"]


def test_takes_the_mirror_away_at_sign_out(alice: User, alices: Client, client: Client) -> None:
    response = alices.post("/sign-out/")
    assert response.cookies[COOKIE].value == ""
    alices.post("/sign-out/")
    assert 'data-theme="device"' in alices.get("/sign-in/").text
    client.cookies[COOKIE] = mirror_of(user_id=alice.id, theme="dark", language="de")
    assert 'data-theme="device"' in client.get("/sign-in/", headers={"accept-language": "en"}).text


def test_keeps_the_mirror_from_scripts(alices: Client) -> None:
    cookie = alices.post(PAGE, CHOICES).cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_survives_a_language_and_a_zone_that_are_gone(alice: User, alices: Client) -> None:
    Preferences.objects.for_user(alice.id).upsert(language="tlh", time_zone="Mars/Olympus")
    for path in ("/", PAGE):
        del alices.cookies[COOKIE]
        assert alices.get(path).status_code == 200


# Time zones

NOON = datetime(2030, 7, 1, 12, tzinfo=UTC)


def test_shows_times_in_the_persons_zone(alice: User, alices: Client) -> None:
    with connection.cursor() as cursor:
        task = make_task(alice.id)
        moment = connection.ops.adapt_datetimefield_value(NOON)
        cursor.execute("UPDATE task SET created_at = %s WHERE user_id = %s", [moment, alice.id])
    assert "July 1, 2030, noon UTC</time>" in alices.get(f"/tasks/{task.pk}/").text
    for zone, words in {
        "Asia/Tokyo": "July 1, 2030, 9 p.m.",
        "America/New_York": "July 1, 2030, 8 a.m.",
        "Asia/Kathmandu": "July 1, 2030, 5:45 p.m.",
        "Etc/UTC": "July 1, 2030, noon UTC",
    }.items():
        alices.post(PAGE, {**CHOICES, "time_zone": zone})
        for path, title in ((f"/tasks/{task.pk}/", r' title="\1"'), ("/", "")):
            times = dict(re.findall(rf'<time datetime="([^"]+)"{title}>([^<]*)<', alices.get(path).text))
            assert times[NOON.astimezone(zoneinfo.ZoneInfo(zone)).isoformat(" ")] == words
    assert timezone.get_current_timezone_name() == "UTC"


def test_takes_the_browsers_zone_once(alice: User, alices: Client) -> None:
    asks = 'action="/settings/time-zone/"'
    assert asks in alices.get("/").text
    assert alices.post("/settings/time-zone/", {"time_zone": "Asia/Calcutta"}).status_code == 303
    assert stored(alice) == {**DEFAULTS, "time_zone": "Asia/Calcutta"}
    assert asks not in alices.get("/").text
    assert alices.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"}).status_code == 303
    assert stored(alice)["time_zone"] == "Asia/Calcutta"


@pytest.mark.parametrize("told", ["", "Mars/Olympus", "localtime", "../../etc/passwd", "\0"])
def test_refuses_a_zone_that_is_none(alice: User, alices: Client, told: str) -> None:
    assert alices.post("/settings/time-zone/", {"time_zone": told}).status_code == 422
    assert alices.get("/settings/time-zone/").status_code == 405
    assert stored(alice) == {}


def test_asks_nobody_who_is_not_signed_in(client: Client) -> None:
    assert "/settings/time-zone/" not in client.get("/sign-in/").text


def test_wants_the_forms_token_for_the_zone_too(alice: User, alices: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    assert strict.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"}).status_code == 403
    assert stored(alice) == {}


def test_knows_the_names_that_browsers_use_of_old() -> None:
    """From the package tzdata: what systems bring along may leave them out."""
    zoneinfo.reset_tzpath([])
    try:
        assert {"Asia/Calcutta", "Europe/Kiev", "US/Pacific", "UTC"} <= zoneinfo.available_timezones()
    finally:
        zoneinfo.reset_tzpath()


# A new task from an address


def test_fills_the_form_in_and_creates_nothing(alice: User, alices: Client) -> None:
    address = "/tasks/new/?title=Read+%22this%22&description=a+text&description=https%3A//example.org/%3Fa%26b"
    page = alices.get(address).text
    assert 'value="Read &#34;this&#34;"' in page
    assert "a text\nhttps://example.org/?a&amp;b</textarea>" in page
    assert not Task.objects.for_user(alice.id).exists()


def test_cuts_nothing_and_refuses_it_with_words(alices: Client) -> None:
    title = "x" * 300
    assert f'value="{title}"' in alices.get("/tasks/new/", {"title": title}).text
    answer = alices.post("/tasks/new/", {"title": title})
    assert answer.status_code == 422
    assert title in answer.text


def test_comes_back_to_what_was_shared_after_signing_in(client: Client) -> None:
    assert client.get("/tasks/new/?title=Milk").headers["Location"] == "/sign-in/?next=/tasks/new/%3Ftitle%3DMilk"
