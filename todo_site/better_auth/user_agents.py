"""Names of browsers and operating systems for a User-Agent header."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

# The order matters: most User-Agents also contain the names of browsers further down.
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
    """Return a description such as "Firefox on Linux"."""
    browser = find_first_match(BROWSERS, user_agent or "")
    system = find_first_match(SYSTEMS, user_agent or "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def find_first_match(names: list[tuple[str, str]], text: str) -> str | None:
    return next((name for pattern, name in names if re.search(pattern, text)), None)
