from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JournalConfig(AppConfig):
    name = "todo_site.journal"
    verbose_name = _("Journal")

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  registers the system check
