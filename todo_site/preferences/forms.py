from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from .models import Preferences


@cache
def time_zone_names() -> list[str]:
    """Return all time zones, without the files among them that are not one."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def time_zone_choices() -> list[tuple[str, Any]]:
    """Return the time zones grouped by continent."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in time_zone_names():
        continent, slash, place = zone.partition("/")
        label = (place or continent).replace("_", " ").replace("/", " / ")
        groups.setdefault(continent if slash else "", []).append((zone, label))
    others = groups.pop("")
    return [("", _("Browser default")), *groups.items(), (str(_("Other")), others)]


def language_choices() -> list[tuple[str, Any]]:
    return [("", _("Browser default")), *settings.LANGUAGES]


class HiddenWithoutAria(forms.BoundField):
    """Omit ``aria-*`` attributes on the hidden initial value: HTML forbids them there."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        return attrs if widget and widget.is_hidden else super().build_widget_attrs(attrs, widget)


class PreferencesForm(forms.ModelForm[Preferences]):
    """Contains the initial value of each field: of two open tabs, each saves only its own changes."""

    bound_field_class = HiddenWithoutAria

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=language_choices, show_hidden_initial=True
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Times are shown in UTC until the time zone is known."),
        required=False,
        choices=time_zone_choices,
        show_hidden_initial=True,
    )
    theme = forms.ChoiceField(label=_("Colour scheme"), choices=Preferences.Theme.choices, show_hidden_initial=True)
    density = forms.ChoiceField(label=_("Spacing"), choices=Preferences.Density.choices, show_hidden_initial=True)
    shortcuts = forms.TypedChoiceField(
        label=_("Keyboard shortcuts"),
        choices=[("True", _("On")), ("False", _("Off"))],
        coerce=lambda value: value == "True",
        show_hidden_initial=True,
    )

    class Meta:
        model = Preferences
        fields = ["language", "time_zone", "theme", "density", "shortcuts"]

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data  # without ModelForm.clean(), which would query the database for constraints

    @property
    def changes(self) -> dict[str, Any]:
        """Return the changed values by field name."""
        return {name: self.cleaned_data[name] for name in self.changed_data}
