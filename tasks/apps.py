from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from .task_list.search import register_sqlite_functions


class TasksConfig(AppConfig):
    name = "tasks"
    verbose_name = _("Tasks")
    # Labels of the text fields of a pending form (todo_site.web.pending_form). Other fields of it are hidden.
    resubmittable_fields = {
        "title": _("Title"),
        "description": _("Description"),
        "lines": _("Tasks"),
        "file_text": _("File content"),
    }

    def ready(self) -> None:
        from .canary import TaskPages  # noqa: PLC0415

        connection_created.connect(register_sqlite_functions)
        self.canary_pages = TaskPages()
