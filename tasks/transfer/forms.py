from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tasks.ids import parse_uuid_or_create
from tasks.validators import with_unix_line_ends

from .importers import ParsedFile, RowError, UnsupportedFile, read_file, read_pasted

MAX_LINES = 1000
ADDED_AT_ONCE = 20  # more are shown before they are added
SHOWN_WRONG = 20


class PasteForm(forms.Form):
    """Lines that become tasks. Carries an id, so that a form which is sent twice makes its tasks once."""

    lines = forms.CharField(
        label=gettext_lazy("A task per line"),
        strip=False,  # or the numbers of the lines would not be those that one sees
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy(
            "Empty lines and marks such as “- ”, “* ”, “1. ” and “[ ] ” at the start of a line are taken off; "
            "behind “[x] ” a task is completed. Up to 20 tasks are added at once. Of more you see a preview first; "
            "1,000 lines are the most."
        ),
        error_messages={"required": gettext_lazy("Write at least one line.")},
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
            self.read(self.cleaned_data["lines"], self.cleaned_data["id"])
        return self.cleaned_data

    def read(self, text: str, form_id: uuid.UUID) -> None:
        lines = sum(bool(line.strip()) for line in with_unix_line_ends(text).split("\n"))
        if lines > MAX_LINES:
            words = _("These are %(n)s lines, and %(most)s are the most.")
            self.add_error("lines", words % {"n": f"{lines:,}", "most": f"{MAX_LINES:,}"})
            return
        parsed = read_pasted(text, self.owner, form_id)
        if parsed.errors:
            self.add_error("lines", first_errors(parsed.errors))
        elif not parsed.tasks:
            self.add_error("lines", self.fields["lines"].error_messages["required"])
        else:
            self.parsed = parsed

    @property
    def titles(self) -> list[str]:
        """What the valid lines are called."""
        return [str(state["title"]) for state in self.parsed.tasks.values()] if self.parsed else []

    def is_confirmed(self) -> bool:
        """Whether so many tasks may be added: they are few, or their number was shown before."""
        n = len(self.titles)
        return n <= ADDED_AT_ONCE or self.cleaned_data["confirmed"] == str(n)


def first_errors(errors: list[RowError]) -> list[str]:
    """Return the first errors and how many more there are."""
    more = len(errors) - SHOWN_WRONG
    said = [str(one) for one in errors[:SHOWN_WRONG]]
    return [*said, ngettext("And %(n)d more.", "And %(n)d more.", more) % {"n": more}] if more > 0 else said


class ImportForm(forms.Form):
    """A file with tasks, which is read as soon as it came; or its name and text, from a page that has kept them."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.tsv,.txt"}),
        error_messages={
            "invalid": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("This file is empty."),
        },
    )
    file_name = forms.CharField(required=False, widget=forms.HiddenInput)
    file_text = forms.CharField(
        label=gettext_lazy("The text of the file"),
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
            file.seek(0)  # it was read before where this request is run again
            self.read("file", file.name, file.read())
        elif text := self.cleaned_data.get("file_text"):
            self.read("file_text", self.cleaned_data["file_name"], with_unix_line_ends(text).encode())
        elif not self.errors:
            self.add_error("file", _("Choose a file."))
        return self.cleaned_data

    def read(self, field: str, name: str, content: bytes) -> None:
        self.name, self.content = name[-255:], content
        try:
            read_file(self.name, self.content, self.owner)
        except UnsupportedFile as reason:
            words = _("“%(name)s” cannot be imported. %(reason)s")
            self.add_error(field, words % {"name": self.name, "reason": reason})
