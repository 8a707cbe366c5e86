from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    name = "todo_site.operations"
    verbose_name = _("Operations")

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  registers them
