"""What somebody typed into a form that was not taken: kept on the page that says so, and sent again from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .redirects import is_inside

# What is shown as text, under this name; anything else goes along unseen.
LABELS: dict[str, str | Promise] = {
    "title": _("Title"),
    "description": _("Description"),
    "lines": _("Tasks"),
}
# Rooms whose forms are not sent again from such a page: accounts, and the admin.
CLOSED = {"better_auth", "admin"}


@dataclass(frozen=True)
class Typed:
    """The fields of a form, repeated ones too, and the path of this site that it was going to."""

    to: str
    fields: list[tuple[str, str]]

    @classmethod
    def posted(cls, request: HttpRequest) -> Self:
        """What was posted, without files, passwords and the form's token."""
        pairs = [(name, text) for name, texts in request.POST.lists() for text in texts if is_kept(name)]
        return cls(request.get_full_path(), pairs)

    @classmethod
    def carried(cls, request: HttpRequest) -> Self | None:
        """What a form for something else, such as signing in, carries along in its fields ``to`` and ``typed``."""
        try:
            said = json.loads(request.POST.get("typed", ""))
            pairs = [(str(name), str(text)) for name, text in said]
            "".join(name + text for name, text in pairs).encode()  # half of a surrogate pair cannot be shown
        except (ValueError, TypeError, RecursionError):
            return None
        typed = cls(request.POST.get("to", ""), [pair for pair in pairs if is_kept(pair[0])])
        return typed if typed.may_be_sent_again else None

    @property
    def may_be_sent_again(self) -> bool:
        """Whether it was going to a form of this site that is nobody's account and not the admin's."""
        if not is_inside(self.to):
            return False
        try:
            match = resolve(unquote(urlsplit(self.to).path))
        except (Resolver404, ValueError):
            return False
        return match.app_name not in CLOSED and getattr(match.func, "login_required", True)

    @property
    def shown(self) -> list[tuple[str, str | Promise, str]]:
        return [(name, LABELS[name], text) for name, text in self.fields if name in LABELS]

    @property
    def hidden(self) -> list[tuple[str, str]]:
        return [(name, text) for name, text in self.fields if name not in LABELS]

    def as_json(self) -> str:
        return json.dumps(self.fields, ensure_ascii=False)

    def replace(self, name: str, text: str) -> Self:
        return type(self)(self.to, [*(pair for pair in self.fields if pair[0] != name), (name, text)])


def is_kept(field: str) -> bool:
    return field != "csrfmiddlewaretoken" and "password" not in field.lower()


def is_from_here(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this site sent this form."""
    try:
        said = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    except ValueError:
        return False
    own = f"{request.scheme}://{request.get_host()}"
    return f"{said.scheme}://{said.netloc}" in {own, *settings.CSRF_TRUSTED_ORIGINS}
