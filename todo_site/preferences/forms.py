from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from .models import Preferences


@cache
def zones() -> list[str]:
    """The names of all time zones; two of the files beside them are none."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def zone_choices() -> list[tuple[str, Any]]:
    """The zones by continent, for a select."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in zones():
        continent, slash, place = zone.partition("/")
        words = (place or continent).replace("_", " ").replace("/", " / ")
        groups.setdefault(continent if slash else "", []).append((zone, words))
    others = groups.pop("")
    return [("", _("As the browser says")), *groups.items(), (str(_("Others")), others)]


def language_choices() -> list[tuple[str, Any]]:
    return [("", _("As the browser says")), *settings.LANGUAGES]


class PlainWhereHidden(forms.BoundField):
    """A field whose hidden copy has no ``aria-…``, which HTML allows on nothing that is hidden."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        return attrs if widget and widget.is_hidden else super().build_widget_attrs(attrs, widget)


class PreferencesForm(forms.ModelForm[Preferences]):
    """Carries what each field was when the form was shown: of two tabs, each changes only what was changed in it."""

    bound_field_class = PlainWhereHidden

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=language_choices, show_hidden_initial=True
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Until it is known, times are shown in UTC."),
        required=False,
        choices=zone_choices,
        show_hidden_initial=True,
    )
    theme = forms.ChoiceField(label=_("Colours"), choices=Preferences.Theme.choices, show_hidden_initial=True)
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
        return self.cleaned_data  # not ModelForm's, which would ask the database about constraints

    @property
    def changes(self) -> dict[str, Any]:
        """What is to be stored."""
        return {name: self.cleaned_data[name] for name in self.changed_data}
