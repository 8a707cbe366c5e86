from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry
from todo_site.journal.notes import record_view
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.row_level_security import scoped_to
from todo_site.web.error_views import render_error_page
from todo_site.web.pending_form import PendingForm
from todo_site.web.redirects import SeeOther, next_url

from ..forms import EditTaskForm, ReasonForm
from ..merge import EditConflict
from ..models import Task
from .staff_access import StaffAccess

HISTORY_SIZE = 100


class OwnerFilter(admin.SimpleListFilter):
    """Allow ``?user=<id>`` in the URL. TaskAdmin.get_queryset() selects the rows."""

    title = gettext_lazy("owner")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(selected, selected)] if (selected := selected_user(request)) else []

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset


def selected_user(request: HttpRequest) -> str:
    """Return the id of the user whose tasks are selected. A change page has it in the filters of its list."""
    filters = parse_qs(request.GET.get("_changelist_filters", ""))
    return request.GET.get("user") or filters.get("user", [""])[0]


class OwnedModelAdmin[M: OwnedBase](admin.ModelAdmin[M]):
    """The rows of one selected user. Without a selected user, or without a reason, there are no rows.

    Queries go through the owned manager, and row-level security limits them to the selected user. Every view and every
    change is an entry in the owner's journal. The journal replaces Django's admin log: that log would keep titles
    where the owner can neither see nor erase them.
    """

    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> Any:
        selected = selected_user(request)
        rows = self.model.objects
        return rows.for_user(selected) if selected and StaffAccess.current(request, selected) else rows.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self.with_staff_access(request, partial(super().changelist_view, request, extra_context))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        view = partial(super().change_view, request, object_id, form_url, extra_context)
        return self.with_staff_access(request, view, object_id)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.with_staff_access(
            request, partial(super().delete_view, request, object_id, extra_context), object_id
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        history_view = super().history_view

        def view() -> HttpResponse:
            context = dict(extra_context or {})
            if row := self.get_object(request, unquote(object_id)):
                entries = JournalEntry.objects.for_user(row.owner).filter(task_id=row.pk).newest_first()
                context |= {"entries": entries[:HISTORY_SIZE], "owner": find_user(row.owner)}
            return history_view(request, object_id, context)

        return self.with_staff_access(request, view, object_id)

    def with_staff_access(
        self, request: HttpRequest, view: Callable[[], HttpResponse], object_id: str = ""
    ) -> HttpResponse:
        """Return the view's response, and record the view in the owner's journal. Ask for a reason first."""
        selected = selected_user(request)
        access = StaffAccess.current(request, selected)
        if access is None:
            return require_reason(request, selected) if find_user(selected) else view()
        with scoped_to(lambda: selected, every_statement=False):
            response = view()
            if isinstance(response, TemplateResponse):
                response.render()  # here, while only the selected user's rows are visible
            if response.status_code != 302:  # not a redirect: a page was shown
                row_id = uuid.UUID(unquote(object_id)) if object_id else None
                record_view(selected, DEFAULT_DB_ALIAS, row_id, access.get_change_context(request))
        return response

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Log nothing. The journal has the entry."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log nothing. The journal has the entry."""


@admin.register(Task)
class TaskAdmin(OwnedModelAdmin[Task]):
    form = EditTaskForm
    list_display = ["title", "status", "created_at", "updated_at"]
    list_filter = [OwnerFilter, "status"]
    search_fields = ["title"]
    ordering = ["-created_at", "-id"]
    fields = ["user_id", "title", "description", "status", "created_at", "updated_at", "version"]
    readonly_fields = ["user_id", "created_at", "updated_at"]

    def get_urls(self) -> list[URLPattern]:
        reason = path("reason/", self.admin_site.admin_view(self.reason_view), name="tasks_task_reason")
        return [reason, *super().get_urls()]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except EditConflict as conflict:
            return edit_conflict_response(request, conflict)

    def reason_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, grant access, and redirect to the tasks."""
        owner = find_user(selected := selected_user(request))
        if owner is None:
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            StaffAccess.grant(request, selected, form.cleaned_data["reason"])
            return SeeOther(
                next_url(request) or f"{reverse('admin:tasks_task_changelist')}?{urlencode({'user': selected})}"
            )
        text = _(
            "Enter a reason to open the tasks of %(owner)s for one hour. The reason, your e-mail address and "
            "everything that you view or change appear in this person’s history."
        )
        context = {
            **self.admin_site.each_context(request),
            "title": _("Open tasks"),
            "text": text % {"owner": owner.get_username()},
            "form": form,
        }
        return render(request, "admin/tasks/task/reason.html", context, status=422 if form.errors else 200)

    # Changes

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        tasks = Task.objects.for_user(obj.owner)
        tasks.edit(obj.pk, form.wanted, form.cleaned_data["version"], get_change_context(request, obj.owner))

    def delete_model(self, request: HttpRequest, obj: Task) -> None:
        Task.objects.for_user(obj.owner).trash(obj.pk, get_change_context(request, obj.owner))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        queryset.move_to_trash(get_change_context(request, queryset.owner))


def find_user(user_id: str) -> Any:
    return get_user_model().objects.filter(pk=user_id).first() if user_id else None


def get_change_context(request: HttpRequest, owner_id: str) -> ChangeContext:
    access = StaffAccess.current(request, owner_id)
    if access is None:  # it expired during this request
        raise Http404
    return access.get_change_context(request)


def require_reason(request: HttpRequest, selected: str) -> HttpResponse:
    """Return a redirect to the page that asks for the reason. A submitted form is kept on an error page instead."""
    reason_url = (
        f"{reverse('admin:tasks_task_reason')}?{urlencode({'user': selected, 'next': request.get_full_path()})}"
    )
    if request.method != "POST":
        return SeeOther(reason_url)
    title, text = (
        _("Reason required"),
        _("Nothing was changed. Enter a reason in a new tab, then submit this form again."),
    )
    pending_form = PendingForm.from_post(request)
    return render_error_page(
        request, 403, title, text, pending_form=pending_form, link=(reason_url, _("Enter a reason"))
    )


def edit_conflict_response(request: HttpRequest, conflict: EditConflict) -> HttpResponse:
    title, text = (
        _("Edit conflict"),
        _("This task was changed in the meantime. Save again to replace the other change."),
    )
    pending_form = PendingForm.from_post(request).replace("version", str(conflict.task.version))
    return render_error_page(request, 409, title, text, pending_form=pending_form)
