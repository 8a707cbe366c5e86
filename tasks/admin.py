from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .forms import EditTaskForm
from .models import Task, TaskQuerySet


class OwnerFilter(admin.SimpleListFilter):
    """Lets ``?user=<id>`` stand in the address; the rows are picked by TaskAdmin.get_queryset()."""

    title = _("owner")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(picked, picked)] if (picked := picked_user(request)) else []

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset


def picked_user(request: HttpRequest) -> str:
    """The id of the one user whose tasks are looked at: from the list's address, or a change page's way back to it."""
    way_back = parse_qs(request.GET.get("_changelist_filters", ""))
    return request.GET.get("user") or way_back.get("user", [""])[0]


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin[Task]):
    """The tasks of one picked user, through the owned manager; without a pick there are none."""

    form = EditTaskForm
    list_display = ["title", "status", "created_at", "updated_at"]
    list_filter = [OwnerFilter, "status"]
    search_fields = ["title"]
    ordering = ["-created_at", "-id"]
    fields = ["user_id", "title", "description", "status", "created_at", "updated_at"]
    readonly_fields = ["user_id", "created_at", "updated_at"]
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> TaskQuerySet:
        picked = picked_user(request)
        return Task.objects.for_user(picked) if picked else Task.objects.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
