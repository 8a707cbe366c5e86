from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "tasks"
    verbose_name = _("Tasks")

    def ready(self) -> None:
        from .checks import check_owned_models

        register(check_owned_models, "models")
