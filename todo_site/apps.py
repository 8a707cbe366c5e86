from typing import ClassVar

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class TodoSiteConfig(AppConfig):
    """Project-level code, which may use all apps."""

    name = "todo_site"
    resubmittable_fields: ClassVar[dict[str, str]] = {}  # erasing and deleting have no text to show


class TodoAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "todo_site.admin.TodoAdminSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin  # noqa: PLC0415
        from django.contrib.auth.models import Group  # noqa: PLC0415

        from .admin import UserAdmin  # noqa: PLC0415
        from .better_auth.models import User  # noqa: PLC0415

        admin.site.unregister(Group)  # staff have all permissions of the admin: there are none to grant
        # @admin.register would fail: importing .admin creates the site.
        admin.site.register(User, UserAdmin)
