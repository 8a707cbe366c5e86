from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import jinja2
from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext

from tasks.preferences.middleware import preferences_of

from .links import linked

# No style, script or eval of its own, which the security policy forbids; no page kept in the browser; and an error is
# shown in place of the content, as it is without the script.
HTMX = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "allowScriptTags": False,
    "historyRestoreAsHxRequest": False,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "defaultSettleDelay": 0,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "...", "swap": True, "target": "#content", "select": "#content", "swapOverride": "outerHTML"},
    ],
}


def environment(**options: Any) -> jinja2.Environment:
    """The environment of all pages: autoescape comes from Django's backend, an unknown name is an error."""
    env = jinja2.Environment(  # noqa: S701  autoescape is in the options
        **{**options, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True},
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        static=static,
        url=reverse,
        get_messages=get_messages,
        get_language=get_language,
        get_language_bidi=get_language_bidi,
        preferences_of=preferences_of,
        htmx_config=json.dumps(HTMX),
    )
    env.filters["time"] = time
    env.filters["linked"] = linked
    return env


def time(value: datetime) -> SafeString:
    """A time in words, in the person's zone, to the second in its title; UTC is named: it is hardly anybody's own."""
    local = timezone.localtime(value)
    words, title = date_format(local, "DATETIME_FORMAT"), local.isoformat(sep=" ", timespec="seconds")
    zone = " UTC" if local.tzname() == "UTC" else ""
    machine = value.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}{}</time>', machine, title, words, zone)
