"""A submitted form that was not processed. An error page or the sign-in page shows it, so that no text is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django_stubs_ext import StrOrPromise

from .redirects import is_local_path

# A kept file is a text field of the next form: its size in bytes, and its size in the body of that form.
MAX_FILE_BYTES = 2**18
MAX_QUOTED_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE * 5 // 8


@dataclass(frozen=True)
class PendingForm:
    """The local URL that a form was submitted to, and its fields. A field can have several values.

    A file becomes two fields, its name and its text. A file that cannot be kept is named in ``lost_file``.
    """

    action: str
    fields: list[tuple[str, str]]
    lost_file: str = ""

    @classmethod
    def from_post(cls, request: HttpRequest) -> Self:
        """Read the submitted fields and files, without passwords and the CSRF token."""
        fields = [(name, text) for name, texts in request.POST.lists() for text in texts if is_field_kept(name)]
        files: dict[str, Any] = request.FILES.dict()
        texts = {name: read_text(file) for name, file in files.items()}
        for name, text in texts.items():
            fields += [(f"{name}_name", files[name].name), (f"{name}_text", text)] if text else []
        lost = [file.name for name, file in files.items() if texts[name] is None]
        return cls(request.get_full_path(), fields, lost[0] if lost else "")

    @classmethod
    def from_hidden_fields(cls, request: HttpRequest) -> Self | None:
        """Read a form from the hidden fields ``to`` and ``typed`` of another form, such as the sign-in form."""
        try:
            parsed = json.loads(request.POST.get("typed", ""))
            fields = [(str(name), str(text)) for name, text in parsed]
            "".join(name + text for name, text in fields).encode()  # a lone surrogate cannot be rendered
        except (ValueError, TypeError, RecursionError):
            return None
        form = cls(request.POST.get("to", ""), [field for field in fields if is_field_kept(field[0])])
        return form if form.can_resubmit else None

    @property
    def can_resubmit(self) -> bool:
        """Whether the form belongs to a view that requires sign-in, in an app that declares resubmittable_fields."""
        if not is_local_path(self.action):
            return False
        try:
            match = resolve(unquote(urlsplit(self.action).path))
            # A view without a namespace is the project's own.
            app_config = apps.get_app_config(match.app_name or settings.ROOT_URLCONF.partition(".")[0])
        except (Resolver404, ValueError, LookupError):
            return False
        return hasattr(app_config, "resubmittable_fields") and getattr(match.func, "login_required", True)

    @property
    def text_fields(self) -> list[tuple[str, StrOrPromise, str]]:
        """The name, label and text of each field that people may read and edit."""
        labels = get_text_field_labels()
        return [(name, labels[name], text) for name, text in self.fields if name in labels]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        labels = get_text_field_labels()
        return [(name, text) for name, text in self.fields if name not in labels]

    def to_json(self) -> str:
        return json.dumps(self.fields, ensure_ascii=False)

    def replace(self, name: str, text: str) -> Self:
        return type(self)(self.action, [*(field for field in self.fields if field[0] != name), (name, text)])


def get_text_field_labels() -> dict[str, StrOrPromise]:
    """Return the resubmittable_fields of all apps, by name."""
    labels: dict[str, StrOrPromise] = {}
    for app_config in apps.get_app_configs():
        labels |= getattr(app_config, "resubmittable_fields", {})
    return labels


def is_field_kept(name: str) -> bool:
    return name != "csrfmiddlewaretoken" and "password" not in name.lower()


def read_text(file: UploadedFile[Any]) -> str | None:
    """Return the text of a small UTF-8 file, or None for any other file."""
    if not file.size or file.size > MAX_FILE_BYTES:
        return None
    file.seek(0)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    is_small = len(quote(json.dumps(text, ensure_ascii=False))) <= MAX_QUOTED_BYTES
    return text if is_small and "\0" not in text else None


def is_same_origin(request: HttpRequest) -> bool:
    """Return whether the browser says that a page of this site submitted the form."""
    try:
        origin = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    except ValueError:
        return False
    own = f"{request.scheme}://{request.get_host()}"
    return f"{origin.scheme}://{origin.netloc}" in {own, *settings.CSRF_TRUSTED_ORIGINS}
