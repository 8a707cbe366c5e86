from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class TodoSiteConfig(AppConfig):
    """The project: what needs accounts and tasks alike, such as the admin's users and deleting an account."""

    name = "todo_site"


class TodoAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "todo_site.admin.TodoAdminSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin  # noqa: PLC0415
        from django.contrib.auth.models import Group  # noqa: PLC0415

        from .admin import UserAdmin  # noqa: PLC0415
        from .better_auth.models import User  # noqa: PLC0415

        admin.site.unregister(Group)  # staff may do whatever the admin offers: there are no further rights to give
        # Not by the decorator: the module also holds the site, and would register with a site that is being made.
        admin.site.register(User, UserAdmin)
