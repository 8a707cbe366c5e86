from __future__ import annotations

from datetime import datetime
from typing import Any

import jinja2
from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext

from tasks.preferences.middleware import preferences_of


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
    )
    env.filters["moment"] = moment
    return env


def moment(value: datetime) -> str:
    """A time in the person's zone; UTC is named, as it is hardly anybody's own."""
    local = timezone.localtime(value)
    words = date_format(local, "DATETIME_FORMAT")
    return f"{words} UTC" if local.tzname() == "UTC" else words
