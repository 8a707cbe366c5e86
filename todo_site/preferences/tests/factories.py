from __future__ import annotations

from todo_site.ownership.tests.factories import OwnedFactory
from todo_site.preferences.models import Preferences


class PreferencesFactory(OwnedFactory[Preferences]):
    class Meta:
        model = Preferences

    language = "de"
