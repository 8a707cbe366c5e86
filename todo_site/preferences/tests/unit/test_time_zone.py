"""Times in the time zone of the user."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.preferences.tests.display import CHOICES, DEFAULTS, PAGE, stored

pytestmark = pytest.mark.django_db
NOON = datetime(2030, 7, 1, 12, tzinfo=UTC)


def test_shows_times_in_the_persons_zone(alice: User, alices: Client) -> None:
    task = make_task(alice.id, created_at=NOON)
    assert "July 1, 2030, noon UTC</time>" in alices.get(f"/tasks/{task.pk}/").text
    for zone, words in {
        "Asia/Tokyo": "July 1, 2030, 9 p.m.",
        "America/New_York": "July 1, 2030, 8 a.m.",
        "Asia/Kathmandu": "July 1, 2030, 5:45 p.m.",
        "Etc/UTC": "July 1, 2030, noon UTC",
    }.items():
        alices.post(PAGE, {**CHOICES, "time_zone": zone})
        times = dict(re.findall(r'<time datetime="([^"]+)" title="\1">([^<]*)<', alices.get(f"/tasks/{task.pk}/").text))
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
