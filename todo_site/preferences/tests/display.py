"""Reads and writes preferences as the settings page and the cookie do."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

from todo_site.better_auth.models import User
from todo_site.preferences.models import Preferences

PAGE = "/settings/display/"
COOKIE = settings.PREFERENCES_COOKIE_NAME
CHOICES = {"language": "", "time_zone": "Asia/Tokyo", "theme": "dark", "density": "compact", "shortcuts": "False"}
DEFAULTS = {"language": "", "time_zone": "", "theme": "device", "density": "comfortable", "shortcuts": True}


def stored(user: User) -> dict[str, Any]:
    row = Preferences.objects.for_user(user.id).values(*DEFAULTS).first()
    return dict(row) if row else {}


def form_of(html: str) -> dict[str, str]:
    """What a browser would send of the form as the page shows it."""
    hidden = dict(re.findall(r'<input type="hidden" name="(initial-\w+)"(?: value="([^"]*)")?', html))
    selects = re.findall(r'<select name="(\w+)".*?<option value="([^"]*)" selected', html, re.DOTALL)
    return {**hidden, **dict(selects)}
