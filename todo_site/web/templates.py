from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from datetime import time as time_of_day
from functools import cache, lru_cache, partial
from html import escape
from typing import Any

import jinja2
import markupsafe
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.template.backends import jinja2 as backend
from django.template.backends.utils import csrf_input
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext
from jinja2.ext import Extension

from .linkify import linkify
from .server_timing import timed


class Template(backend.Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> str:
        with timed(request, "render"):
            return super().render(context, request)


class Jinja2(backend.Jinja2):
    """Django's, whose templates time themselves."""

    def get_template(self, template_name: str) -> Template:
        return Template(super().get_template(template_name).template, self)


class Dedented(Extension):
    """Leaves the indentation of templates out of the pages: it is a tenth of a list's bytes."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"^[ \t]+", "", source, flags=re.MULTILINE)


def environment(**options: Any) -> jinja2.Environment:
    """The environment of all pages: autoescape comes from Django's backend, an unknown name is an error."""
    env = jinja2.Environment(  # noqa: S701  autoescape is in the options
        **{**options, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True},
        extensions=["jinja2.ext.i18n", Dedented],
    )
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        _=gettext_markup,
        static=asset,
        url=url,
        timer=timer,
        render_static_part=render_static_part,
        get_messages=get_messages,
        get_language=get_language,
        get_language_bidi=get_language_bidi,
    )
    env.filters["time"] = time
    env.filters["linkify"] = linkify
    env.filters["milliseconds"] = milliseconds
    return env


# All pages say the same words, link to the same places and use the same files: each is looked up once.


def gettext_markup(text: str, /, **values: Any) -> markupsafe.Markup:
    """As gettext() in a page: HTML, in which the values are escaped."""
    return gettext_markup_in(get_language(), text, **values)


def gettext_markup_in(language: str, text: str, /, **values: Any) -> markupsafe.Markup:
    return markupsafe.Markup(gettext(text)) % values if values else cached_markup(text, language)  # noqa: S704


@cache
def cached_markup(text: str, language: str) -> markupsafe.Markup:
    return markupsafe.Markup(gettext(text)) % ()  # noqa: S704  our own words; a percent sign is doubled in all of them


def url(name: str, args: list[Any] | None = None) -> str:
    """As Django's reverse()."""
    return reverse(name, args=args) if args else reverse_cached(name, get_script_prefix())


@cache
def reverse_cached(name: str, prefix: str) -> str:
    return reverse(name)


def asset(path: str) -> str:
    """As Django's static()."""
    return asset_under(get_script_prefix(), path)


@cache
def asset_under(prefix: str, path: str) -> str:
    return static(path)


@jinja2.pass_environment
def render_static_part(env: jinja2.Environment, template: str, **values: str) -> markupsafe.Markup:
    """A part of pages that hangs on nothing but the language and these few values. It never sees the request."""
    draw = _render_part if env.auto_reload else _render_part_cached
    return draw(env, template, get_language(), get_script_prefix(), **values)


def _render_part(
    env: jinja2.Environment, template: str, language: str, prefix: str, **values: str
) -> markupsafe.Markup:
    return markupsafe.Markup(env.get_template(template).render(values))  # noqa: S704  escaped in the template


_render_part_cached = lru_cache(maxsize=100)(_render_part)


def context_processor(request: HttpRequest) -> dict[str, Any]:
    """A context processor: what a page needs often, and is the same each time.

    All forms carry the same token, which Django would mask anew for each; all words are in one language.
    """
    return {
        "csrf_input": SimpleLazyObject(partial(csrf_input, request)),
        "_": partial(gettext_markup_in, get_language()),
    }


def time(value: datetime) -> SafeString:
    """A time in words, in the person's zone, to the second in its title; UTC is named: it is hardly anybody's own."""
    exact, words = format_datetime(timezone.get_current_timezone(), get_language(), value)
    return SafeString(f'<time datetime="{exact}" title="{exact}">{words}</time>')


def timer() -> Callable[[datetime], SafeString]:
    """The same for the many times of a list: without titles, and zone and language are looked up once."""
    zone, language = timezone.get_current_timezone(), get_language()

    def time_in_list(value: datetime) -> SafeString:
        exact, words = format_datetime(zone, language, value)
        return SafeString(f'<time datetime="{exact}">{words}</time>')

    return time_in_list


def format_datetime(zone: tzinfo, language: str, value: datetime) -> tuple[str, str]:
    local = value.astimezone(zone)
    words = date_and_time_format(language) % {
        "day": day(local.date(), language),
        "time": clock(local.hour, local.minute, language),
    }
    return local.isoformat(" ", "seconds"), f"{words} UTC" if local.tzname() == "UTC" else words


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, with the decimal sign of the language."""
    return number_format(seconds * 1000, decimal_pos=1)


# A page shows fifty times: of their words, those that others have too are kept. Each is that of the language it is in.


@cache
def date_and_time_format(language: str) -> str:
    return escape(gettext("%(day)s, %(time)s"))


@lru_cache(maxsize=10_000)
def day(day: date, language: str) -> str:
    return escape(date_format(day, "DATE_FORMAT"))


@cache
def clock(hour: int, minute: int, language: str) -> str:
    return escape(time_format(time_of_day(hour, minute), "TIME_FORMAT"))
