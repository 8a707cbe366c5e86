from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class TodoSiteConfig(AppConfig):
    """The site itself: what crosses its rooms, such as the staff's view of people and the demo command."""

    name = "todo_site"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  registers them


class TodoAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "todo_site.admin_site.TodoAdminSite"
