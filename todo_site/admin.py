from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tasks.models import Task
from todo_site.better_auth.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """Who has an account, and how many tasks: numbers only. Accounts are changed in Better Auth."""

    list_display = ["email", "name", "created_at", "task_count"]
    search_fields = ["email", "name", "id"]
    ordering = ["-created_at"]
    list_per_page = list_max_show_all = 25
    actions = None
    fields = readonly_fields = ("id", "email", "email_verified", "name", "created_at", "updated_at", "tasks")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        counts = Task.objects.count_by_owner(user.id for user in changelist.result_list)
        for user in changelist.result_list:
            user.task_count = counts[user.id]
        return changelist

    @admin.display(description=_("tasks"))
    def task_count(self, user: User) -> int:
        return user.task_count  # type: ignore[attr-defined, no-any-return]  # set by get_changelist_instance

    @admin.display(description=_("tasks"))
    def tasks(self, user: User) -> SafeString:
        n = Task.objects.count_by_owner([user.id])[user.id]
        return format_html(
            '<a href="{}?user={}">{}</a>',
            reverse("admin:tasks_task_changelist"),
            user.id,
            ngettext("%(n)d task", "%(n)d tasks", n) % {"n": n},
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False
