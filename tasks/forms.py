from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from todo_site.journal.models import State

from .ids import parse_uuid_or_create
from .models import Task
from .validators import MAX_TITLE, require_visible, with_unix_line_ends

MAX_DESCRIPTION = 20_000
MAX_DIGITS = 19
MAX_REASON = 500


class TaskForm(forms.ModelForm[Task]):
    """Title and description of a task whose owner is set before the form sees any input."""

    # Not Django's own max_length: its HTML attribute counts UTF-16 units, the table counts code points.
    title = forms.CharField(
        label=_("Title"),
        validators=[MaxLengthValidator(MAX_TITLE), require_visible],
        error_messages={"required": _("Write what is to be done.")},
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        validators=[MaxLengthValidator(MAX_DESCRIPTION)],
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    class Meta:
        model = Task
        fields = ["title", "description"]

    def clean(self) -> dict[str, Any]:
        # Not ModelForm's: it would ask the database whether the row meets its constraints, which the validators say.
        return self.cleaned_data

    def clean_description(self) -> str | None:
        return with_unix_line_ends(self.cleaned_data["description"]) or None


class NewTaskForm(TaskForm):
    """Carries the id that the task will have, so that a form which is sent twice makes one task."""

    id = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["id"] = uuid.uuid4()

    def clean_id(self) -> uuid.UUID:
        return parse_uuid_or_create(self.cleaned_data["id"])

    def task(self) -> Task:
        """The task that the valid form describes, not yet added."""
        self.instance.id = self.cleaned_data["id"]
        return self.instance


class EditTaskForm(TaskForm):
    """Carries the version of the task that it shows, so that nobody's change in between is overwritten."""

    status = forms.ChoiceField(label=_("Status"), choices=Task.Status.choices)
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta(TaskForm.Meta):
        fields = ["title", "description", "status"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["version"] = self.instance.version

    def clean_version(self) -> int | None:
        """The version that the form was given; None if it came back as anything but a number."""
        digits = self.cleaned_data["version"]
        return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < MAX_DIGITS else None

    @property
    def wanted(self) -> State:
        # Not of self._meta: the admin makes a form of its own out of this one, with further fields.
        return {name: self.cleaned_data[name] for name in EditTaskForm.Meta.fields}


class ReasonForm(forms.Form):
    """Why a member of the staff opens somebody's tasks. The owner reads it."""

    reason = forms.CharField(
        label=_("Reason"),
        validators=[MaxLengthValidator(MAX_REASON), require_visible],
        widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}),
        error_messages={"required": _("Write why you open these tasks.")},
    )
