"""What somebody typed into a form that was not taken: kept on the page that says so, and sent again from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
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
    "file_text": _("The text of the file"),
}
# Of a file, so that it fits into a form: bytes, and bytes of it as a form carries it.
MAX_OF_FILE = 2**18
MAX_QUOTED = settings.DATA_UPLOAD_MAX_MEMORY_SIZE * 5 // 8
# Rooms whose forms are not sent again from such a page: accounts, and the admin.
CLOSED = {"better_auth", "admin"}


@dataclass(frozen=True)
class PendingForm:
    """The fields of a form, repeated ones too, and the path of this site that it was going to.

    A file goes along as its name and its text, or is ``lost``: then this is its name.
    """

    to: str
    fields: list[tuple[str, str]]
    lost: str = ""

    @classmethod
    def from_post(cls, request: HttpRequest) -> Self:
        """What was posted, without passwords, the form's token, and what cannot be shown as text."""
        pairs = [(name, text) for name, texts in request.POST.lists() for text in texts if is_field_kept(name)]
        files: dict[str, Any] = request.FILES.dict()
        texts = {name: read_text(file) for name, file in files.items()}
        for name, text in texts.items():
            pairs += [(f"{name}_name", files[name].name), (f"{name}_text", text)] if text else []
        lost = [file.name for name, file in files.items() if texts[name] is None]
        return cls(request.get_full_path(), pairs, lost[0] if lost else "")

    @classmethod
    def from_hidden_field(cls, request: HttpRequest) -> Self | None:
        """What a form for something else, such as signing in, carries along in its fields ``to`` and ``typed``."""
        try:
            said = json.loads(request.POST.get("typed", ""))
            pairs = [(str(name), str(text)) for name, text in said]
            "".join(name + text for name, text in pairs).encode()  # half of a surrogate pair cannot be shown
        except (ValueError, TypeError, RecursionError):
            return None
        typed = cls(request.POST.get("to", ""), [pair for pair in pairs if is_field_kept(pair[0])])
        return typed if typed.can_resubmit else None

    @property
    def can_resubmit(self) -> bool:
        """Whether it was going to a form of this site that is nobody's account and not the admin's."""
        if not is_inside(self.to):
            return False
        try:
            match = resolve(unquote(urlsplit(self.to).path))
        except (Resolver404, ValueError):
            return False
        return match.app_name not in CLOSED and getattr(match.func, "login_required", True)

    @property
    def text_fields(self) -> list[tuple[str, str | Promise, str]]:
        return [(name, LABELS[name], text) for name, text in self.fields if name in LABELS]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        return [(name, text) for name, text in self.fields if name not in LABELS]

    def as_json(self) -> str:
        return json.dumps(self.fields, ensure_ascii=False)

    def replace(self, name: str, text: str) -> Self:
        return type(self)(self.to, [*(pair for pair in self.fields if pair[0] != name), (name, text)])


def is_field_kept(field: str) -> bool:
    return field != "csrfmiddlewaretoken" and "password" not in field.lower()


def read_text(file: UploadedFile[Any]) -> str | None:
    """The text of a small file; None of any other."""
    if not file.size or file.size > MAX_OF_FILE:
        return None
    file.seek(0)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and len(quote(json.dumps(text, ensure_ascii=False))) <= MAX_QUOTED else None


def is_same_origin(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this site sent this form."""
    try:
        said = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    except ValueError:
        return False
    own = f"{request.scheme}://{request.get_host()}"
    return f"{said.scheme}://{said.netloc}" in {own, *settings.CSRF_TRUSTED_ORIGINS}
