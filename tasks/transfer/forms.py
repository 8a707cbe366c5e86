from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tasks.ids import parse_uuid_or_create
from tasks.validators import with_unix_line_ends

from .importers import ParsedFile, RowError, UnsupportedFile, parse_file, parse_pasted_text

MAX_LINES = 1000
MAX_UNCONFIRMED = 20  # more tasks need a confirmation
MAX_SHOWN_ERRORS = 20


class PasteForm(forms.Form):
    """Lines that become tasks. Contains an id, so that a form that is sent twice adds its tasks once."""

    lines = forms.CharField(
        label=gettext_lazy("One task per line"),
        strip=False,  # errors name the line numbers that the user sees
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy(
            "List marks such as “- ”, “* ”, “1. ” and “[ ] ” are removed, and “[x] ” marks a task as completed. You "
            "can paste up to 1,000 lines; more than 20 tasks are shown in a preview first."
        ),
        error_messages={"required": gettext_lazy("Enter at least one task.")},
    )
    id = forms.CharField(widget=forms.HiddenInput, required=False)
    confirmed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, owner: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.initial["id"] = uuid.uuid4()
        self.parsed: ParsedFile | None = None

    def clean_id(self) -> uuid.UUID:
        return parse_uuid_or_create(self.cleaned_data["id"])

    def clean(self) -> dict[str, Any]:
        if "lines" in self.cleaned_data and "id" in self.cleaned_data:
            self.parse_lines(self.cleaned_data["lines"], self.cleaned_data["id"])
        return self.cleaned_data

    def parse_lines(self, text: str, form_id: uuid.UUID) -> None:
        lines = sum(bool(line.strip()) for line in with_unix_line_ends(text).split("\n"))
        if lines > MAX_LINES:
            message = _("Too many lines: %(n)s (maximum %(max)s).")
            self.add_error("lines", message % {"n": f"{lines:,}", "max": f"{MAX_LINES:,}"})
            return
        parsed = parse_pasted_text(text, self.owner, form_id)
        if parsed.errors:
            self.add_error("lines", first_errors(parsed.errors))
        elif not parsed.tasks:
            self.add_error("lines", self.fields["lines"].error_messages["required"])
        else:
            self.parsed = parsed

    @property
    def titles(self) -> list[str]:
        """The titles of the tasks in valid lines."""
        return [str(state["title"]) for state in self.parsed.tasks.values()] if self.parsed else []

    def is_confirmed(self) -> bool:
        """Return whether the tasks may be added: they are few, or the user has confirmed their number."""
        n = len(self.titles)
        return n <= MAX_UNCONFIRMED or self.cleaned_data["confirmed"] == str(n)


def first_errors(errors: list[RowError]) -> list[str]:
    """Return the first errors and how many more there are."""
    more = len(errors) - MAX_SHOWN_ERRORS
    texts = [str(error) for error in errors[:MAX_SHOWN_ERRORS]]
    return [*texts, ngettext("And %(n)d more.", "And %(n)d more.", more) % {"n": more}] if more > 0 else texts


class ImportForm(forms.Form):
    """A file with tasks; or its name and text, from a pending form."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.tsv,.txt"}),
        error_messages={
            "invalid": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("The file is empty."),
        },
    )
    file_name = forms.CharField(required=False, widget=forms.HiddenInput)
    file_text = forms.CharField(
        label=gettext_lazy("File content"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    def __init__(self, owner: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.name, self.content = "", b""

    def clean(self) -> dict[str, Any]:
        if file := self.cleaned_data.get("file"):
            file.seek(0)  # a request that is retried has read it already
            self.parse_content("file", file.name, file.read())
        elif text := self.cleaned_data.get("file_text"):
            self.parse_content("file_text", self.cleaned_data["file_name"], with_unix_line_ends(text).encode())
        elif not self.errors:
            self.add_error("file", _("Choose a file."))
        return self.cleaned_data

    def parse_content(self, field: str, name: str, content: bytes) -> None:
        self.name, self.content = name[-255:], content
        try:
            parse_file(self.name, self.content, self.owner)
        except UnsupportedFile as reason:
            message = _("“%(name)s” could not be imported. %(reason)s")
            self.add_error(field, message % {"name": self.name, "reason": reason})
