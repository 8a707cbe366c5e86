"""A browser's User-Agent in words that people know."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

# In this order: most browsers also claim to be the ones further down.
BROWSERS = [
    ("Edg(?:e|A|iOS)?/", "Edge"),
    ("OPR/|OPT/|Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("HeadlessChrome/|Chromium/", "Chromium"),
    ("Chrome/|CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
]
SYSTEMS = [
    ("iPhone|iPod", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh|Mac OS X", "macOS"),
    ("Linux|X11", "Linux"),
]


def describe_user_agent(user_agent: str | None) -> str:
    """Such as "Firefox on Linux"; says so when the browser or the system is not one that we know."""
    browser = first_match(BROWSERS, user_agent or "")
    system = first_match(SYSTEMS, user_agent or "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("An unknown browser")


def first_match(names: list[tuple[str, str]], text: str) -> str | None:
    return next((name for pattern, name in names if re.search(pattern, text)), None)
