from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.better_auth.views.authentication import sign_out


class TodoAdminSite(admin.AdminSite):
    """The admin with the site's own sign-in page: staff are users with an account."""

    site_header = site_title = _("To-do administration")
    index_title = _("Overview")
    login_url = "better_auth:sign-in"

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        target = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(target, reverse(self.login_url))

    def get_urls(self) -> list[Any]:
        # Disable "View on site": only its owner can open the page of a row.
        return [path("r/<path:anything>", self.admin_view(self.not_available)), *super().get_urls()]

    def not_available(self, request: HttpRequest, anything: str) -> HttpResponse:
        raise Http404

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return sign_out(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404  # Better Auth manages passwords

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404


class UserAdmin(admin.ModelAdmin[User]):
    """Accounts and their number of tasks, read-only. Better Auth manages accounts."""

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
