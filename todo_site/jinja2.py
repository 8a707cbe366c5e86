from __future__ import annotations

import json
from datetime import date, datetime
from datetime import time as time_of_day
from functools import cache, lru_cache, partial
from typing import Any

import jinja2
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.template.backends import jinja2 as backend
from django.template.backends.utils import csrf_input
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.functional import SimpleLazyObject
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext

from tasks.preferences.middleware import preferences_of

from .links import linked
from .timing import timed

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


class Template(backend.Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> str:
        with timed(request, "render"):
            return super().render(context, request)


class Jinja2(backend.Jinja2):
    """Django's, whose templates time themselves."""

    def get_template(self, template_name: str) -> Template:
        return Template(super().get_template(template_name).template, self)


def environment(**options: Any) -> jinja2.Environment:
    """The environment of all pages: autoescape comes from Django's backend, an unknown name is an error."""
    env = jinja2.Environment(  # noqa: S701  autoescape is in the options
        **{**options, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True},
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        static=static,
        url=url,
        get_messages=get_messages,
        get_language=get_language,
        get_language_bidi=get_language_bidi,
        preferences_of=preferences_of,
        htmx_config=json.dumps(HTMX),
    )
    env.filters["time"] = time
    env.filters["linked"] = linked
    env.filters["milliseconds"] = milliseconds
    return env


def url(name: str, args: list[Any] | None = None) -> str:
    """As Django's reverse(). Every page links to the same few places, so those are looked up once."""
    return reverse(name, args=args) if args else place(name, get_script_prefix())


@cache
def place(name: str, prefix: str) -> str:
    return reverse(name)


def one_csrf_input(request: HttpRequest) -> dict[str, Any]:
    """A context processor: all forms of a page carry the same token, which Django would mask anew for each."""
    return {"csrf_input": SimpleLazyObject(partial(csrf_input, request))}


def time(value: datetime) -> SafeString:
    """A time in words, in the person's zone, to the second in its title; UTC is named: it is hardly anybody's own."""
    local, language = timezone.localtime(value), get_language()
    words = together(language) % {"day": day(local.date(), language), "time": clock(local.hour, local.minute, language)}
    zone = " UTC" if local.tzname() == "UTC" else ""
    title, machine = local.isoformat(sep=" ", timespec="seconds"), value.isoformat(timespec="seconds")
    return mark_safe(f'<time datetime="{machine}" title="{title}">{words}{zone}</time>')  # noqa: S308  its words are escaped


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, with the decimal sign of the language."""
    return number_format(seconds * 1000, decimal_pos=1)


# A page shows fifty times: of their words, those that others have too are kept. Each is that of the language it is in.


@cache
def together(language: str) -> str:
    return escape(gettext("%(day)s, %(time)s"))


@lru_cache(maxsize=10_000)
def day(day: date, language: str) -> str:
    return escape(date_format(day, "DATE_FORMAT"))


@cache
def clock(hour: int, minute: int, language: str) -> str:
    return escape(time_format(time_of_day(hour, minute), "TIME_FORMAT"))
