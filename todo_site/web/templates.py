"""The Jinja2 environment of all pages: its functions and filters."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from datetime import date, datetime, tzinfo
from datetime import time as time_of_day
from functools import cache, lru_cache, partial
from html import escape
from typing import Any

import jinja2
import markupsafe
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.template.backends import jinja2 as backend
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext
from jinja2.ext import Extension

from .csrf import get_csrf_token
from .linkify import linkify
from .server_timing import measure


class Template(backend.Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> str:
        with measure(request, "render"):
            return super().render(context, request)


class Jinja2(backend.Jinja2):
    """Django's Jinja2 backend with the rendering time in Server-Timing."""

    def get_template(self, template_name: str) -> Template:
        return Template(super().get_template(template_name).template, self)


class DedentExtension(Extension):
    """Remove the indentation of templates: it would be a tenth of the task list's bytes."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"^[ \t]+", "", source, flags=re.MULTILINE)


def environment(**options: Any) -> jinja2.Environment:
    """Return the environment. Django's backend enables autoescaping; undefined names raise an error."""
    env = jinja2.Environment(  # noqa: S701  autoescape is in the options
        **{**options, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True},
        extensions=["jinja2.ext.i18n", DedentExtension],
    )
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        _=gettext_markup,
        static=static_cached,
        url=url,
        render_static_part=render_static_part,
        get_messages=get_messages,
        get_language=get_language,
        get_language_bidi=get_language_bidi,
    )
    env.filters["time"] = format_time_element
    env.filters["linkify"] = linkify
    env.filters["milliseconds"] = format_milliseconds
    return env


def context_processor(request: HttpRequest) -> dict[str, Any]:
    """Add what many places of a page need, computed once per page.

    Without this, Django would mask the CSRF token again for each form.
    """
    return {
        "csrf_input": SimpleLazyObject(lambda: format_csrf_input(get_csrf_token(request))),
        "_": partial(gettext_markup_in, get_language()),
    }


def get_messages(request: HttpRequest) -> Iterable[Message]:
    """Return the messages of the request. Iterating over Django's storage deletes its cookie, even if there is none."""
    storage = messages.get_messages(request)
    return storage if len(storage) else ()


def format_csrf_input(token: str) -> SafeString:
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', token)


# Texts, URLs and files are the same on all pages, so they are cached for each language and script prefix.


def gettext_markup(text: str, /, **values: Any) -> markupsafe.Markup:
    """Translate a text of a template as HTML. The values are escaped."""
    return gettext_markup_in(get_language(), text, **values)


def gettext_markup_in(language: str, text: str, /, **values: Any) -> markupsafe.Markup:
    return markupsafe.Markup(gettext(text)) % values if values else gettext_markup_cached(text, language)  # noqa: S704


@cache
def gettext_markup_cached(text: str, language: str) -> markupsafe.Markup:
    return markupsafe.Markup(gettext(text)) % ()  # noqa: S704  a trusted text, in which percent signs are doubled


def url(name: str, args: list[Any] | None = None) -> str:
    """Return the URL of a route, as Django's reverse() does."""
    return reverse(name, args=args) if args else reverse_cached(name, get_script_prefix())


@cache
def reverse_cached(name: str, prefix: str) -> str:
    return reverse(name)


def static_cached(path: str) -> str:
    """Return the URL of a static file, as Django's static() does."""
    return _static_cached(get_script_prefix(), path)


@cache
def _static_cached(prefix: str, path: str) -> str:
    return static(path)


@jinja2.pass_environment
def render_static_part(env: jinja2.Environment, template: str, **values: Hashable) -> markupsafe.Markup:
    """Render a template that depends only on the language and on these few values, not on the request."""
    render = _render_part if env.auto_reload else _render_part_cached
    return render(env, template, get_language(), get_script_prefix(), **values)


def _render_part(
    env: jinja2.Environment, template: str, language: str, prefix: str, **values: Hashable
) -> markupsafe.Markup:
    return markupsafe.Markup(env.get_template(template).render(values))  # noqa: S704  escaped in the template


_render_part_cached = lru_cache(maxsize=100)(_render_part)


def format_time_element(value: datetime) -> SafeString:
    """Return a <time> element in the current time zone. Its title has the seconds."""
    exact, text = format_datetime(timezone.get_current_timezone(), get_language(), value)
    return SafeString(f'<time datetime="{exact}" title="{exact}">{text}</time>')


def format_datetime(zone: tzinfo, language: str, value: datetime) -> tuple[str, str]:
    """Return a local time as ISO 8601 and as text. The text names UTC, which is rarely the user's own zone."""
    local = value.astimezone(zone)
    text = get_datetime_format(language) % {
        "day": format_date(local.date(), language),
        "time": format_time(local.hour, local.minute, language),
    }
    return local.isoformat(" ", "seconds"), f"{text} UTC" if local.tzname() == "UTC" else text


def format_milliseconds(seconds: float) -> str:
    return number_format(seconds * 1000, decimal_pos=1)


# A history shows many times, so their parts are cached. The argument ``language`` is only part of the cache key.


@cache
def get_datetime_format(language: str) -> str:
    return escape(gettext("%(day)s, %(time)s"))


@lru_cache(maxsize=10_000)
def format_date(day: date, language: str) -> str:
    return escape(date_format(day, "DATE_FORMAT"))


@cache
def format_time(hour: int, minute: int, language: str) -> str:
    return escape(time_format(time_of_day(hour, minute), "TIME_FORMAT"))
