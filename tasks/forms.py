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
MAX_VERSION_DIGITS = 18  # fits into 64 bits
MAX_REASON = 500


class TaskForm(forms.ModelForm[Task]):
    """The title and description of a task. Its instance has an owner before the form gets data."""

    # Not max_length: its HTML attribute counts UTF-16 units, and the database counts code points.
    title = forms.CharField(
        label=_("Title"),
        validators=[MaxLengthValidator(MAX_TITLE), require_visible],
        error_messages={"required": _("Enter a title.")},
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
        # Skip ModelForm.clean(), which would check the constraints in the database. The validators cover them.
        return self.cleaned_data

    def clean_description(self) -> str | None:
        return with_unix_line_ends(self.cleaned_data["description"]) or None


class NewTaskForm(TaskForm):
    """Contains the id of the new task, so that a form that is sent twice adds one task."""

    id = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["id"] = uuid.uuid4()

    def clean_id(self) -> uuid.UUID:
        return parse_uuid_or_create(self.cleaned_data["id"])

    def build_task(self) -> Task:
        """Return the task of a valid form. It is not in the database yet."""
        self.instance.id = self.cleaned_data["id"]
        return self.instance


class EditTaskForm(TaskForm):
    """Contains the version of the task that it shows, so that it does not overwrite newer changes."""

    status = forms.ChoiceField(label=_("Status"), choices=Task.Status.choices)
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta(TaskForm.Meta):
        fields = ["title", "description", "status"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["version"] = self.instance.version

    def clean_version(self) -> int | None:
        """Return the version that the form showed. Return None if the form sent anything but a number."""
        digits = self.cleaned_data["version"]
        return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) <= MAX_VERSION_DIGITS else None

    @property
    def wanted(self) -> State:
        # Not self._meta.fields: the admin derives a form with more fields.
        return {name: self.cleaned_data[name] for name in EditTaskForm.Meta.fields}


class ReasonForm(forms.Form):
    """Why a member of the staff opens the tasks of a user. The user can read it."""

    reason = forms.CharField(
        label=_("Reason"),
        validators=[MaxLengthValidator(MAX_REASON), require_visible],
        widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}),
        error_messages={"required": _("Enter a reason.")},
    )
