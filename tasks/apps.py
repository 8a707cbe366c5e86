from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "tasks"
    verbose_name = _("Tasks")

    def ready(self) -> None:
        from .canary import TaskPages  # noqa: PLC0415
        from .task_list.search import register_sqlite_functions  # noqa: PLC0415

        connection_created.connect(register_sqlite_functions)
        self.canary_pages = TaskPages()
