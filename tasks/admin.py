from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.journal.models import ChangeContext, JournalEntry
from todo_site.ownership.row_level_security import scoped_to
from todo_site.web.error_views import render_error_page
from todo_site.web.pending_form import PendingForm
from todo_site.web.redirects import SeeOther, next_url

from .forms import EditTaskForm, ReasonForm
from .merge import EditConflict
from .models import Task
from .querysets import TaskQuerySet
from .staff_access import StaffAccess

HISTORY_SIZE = 100


class OwnerFilter(admin.SimpleListFilter):
    """Lets ``?user=<id>`` stand in the address; the rows are selected by TaskAdmin.get_queryset()."""

    title = gettext_lazy("owner")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(selected, selected)] if (selected := selected_user(request)) else []

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset


def selected_user(request: HttpRequest) -> str:
    """The id of the one user whose tasks are looked at: from the list's address, or a change page's way back to it."""
    way_back = parse_qs(request.GET.get("_changelist_filters", ""))
    return request.GET.get("user") or way_back.get("user", [""])[0]


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin[Task]):
    """The tasks of one selected user, through the owned manager and behind the database's own wall for this user;
    without a pick, or a reason for it, there are none.

    Each look and each change is an entry in the owner's journal, which stands in the place of Django's own log of the
    admin: that one keeps titles where their owner can neither see nor erase them.
    """

    form = EditTaskForm
    list_display = ["title", "status", "created_at", "updated_at"]
    list_filter = [OwnerFilter, "status"]
    search_fields = ["title"]
    ordering = ["-created_at", "-id"]
    fields = ["user_id", "title", "description", "status", "created_at", "updated_at", "version"]
    readonly_fields = ["user_id", "created_at", "updated_at"]
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    def get_urls(self) -> list[URLPattern]:
        ask = path("reason/", self.admin_site.admin_view(self.reason_view), name="tasks_task_reason")
        return [ask, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> TaskQuerySet:
        selected = selected_user(request)
        return (
            Task.objects.for_user(selected)
            if selected and StaffAccess.current(request, selected)
            else Task.objects.none()
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    # Looks

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self.with_staff_access(request, lambda: super(TaskAdmin, self).changelist_view(request, extra_context))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        def view() -> HttpResponse:
            try:
                return super(TaskAdmin, self).change_view(request, object_id, form_url, extra_context)
            except EditConflict as conflict:
                return edit_conflict_response(request, conflict)

        return self.with_staff_access(request, view, object_id)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        def view() -> HttpResponse:
            return super(TaskAdmin, self).delete_view(request, object_id, extra_context)

        return self.with_staff_access(request, view, object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        def view() -> HttpResponse:
            shown = dict(extra_context or {})
            if task := self.get_object(request, unquote(object_id)):
                entries = JournalEntry.objects.for_user(task.owner).filter(task_id=task.pk).newest_first()
                shown |= {"entries": entries[:HISTORY_SIZE], "owner": find_user(task.owner)}
            return super(TaskAdmin, self).history_view(request, object_id, shown)

        return self.with_staff_access(request, view, object_id)

    def with_staff_access(
        self, request: HttpRequest, view: Callable[[], HttpResponse], object_id: str = ""
    ) -> HttpResponse:
        """What the view answers once a reason was given; whatever it shows is noted as a look."""
        selected = selected_user(request)
        reason = StaffAccess.current(request, selected)
        if reason is None:
            return require_reason(request, selected) if find_user(selected) else view()
        with scoped_to(lambda: selected, every_statement=False):
            response = view()
            if isinstance(response, TemplateResponse):
                response.render()  # here, while nothing but this person's rows can be seen
        if response.status_code != 302:  # shown, and not done or not there
            task_id = uuid.UUID(unquote(object_id)) if object_id else None
            Task.objects.for_user(selected).record_view(task_id, reason.origin(request))
        return response

    def reason_view(self, request: HttpRequest) -> HttpResponse:
        """Asks why somebody's tasks are opened, and leads on to them."""
        owner = find_user(selected := selected_user(request))
        if owner is None:
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            StaffAccess.grant(request, selected, form.cleaned_data["reason"])
            return SeeOther(
                next_url(request) or f"{reverse('admin:tasks_task_changelist')}?{urlencode({'user': selected})}"
            )
        words = _(
            "You are about to open the tasks of %(owner)s. Say why: the reason, and each look and change, is noted with"
            " your e-mail address where this person reads it. It is good for an hour and for this person only."
        )
        context = {
            **self.admin_site.each_context(request),
            "title": _("Open the tasks"),
            "words": words % {"owner": owner.get_username()},
            "form": form,
        }
        return render(request, "admin/tasks/task/reason.html", context, status=422 if form.errors else 200)

    # Changes

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        tasks = Task.objects.for_user(obj.owner)
        tasks.edit(obj.pk, form.wanted, form.cleaned_data["version"], origin(request, obj.owner))

    def delete_model(self, request: HttpRequest, obj: Task) -> None:
        Task.objects.for_user(obj.owner).filter(pk=obj.pk).move_to_trash(origin(request, obj.owner))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        queryset.move_to_trash(origin(request, queryset.owner))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: see the class."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Nothing: see the class."""


def find_user(user_id: str) -> Any:
    return get_user_model().objects.filter(pk=user_id).first() if user_id else None


def origin(request: HttpRequest, owner_id: str) -> ChangeContext:
    reason = StaffAccess.current(request, owner_id)
    if reason is None:  # the hour ended within this request
        raise Http404
    return reason.origin(request)


def require_reason(request: HttpRequest, selected: str) -> HttpResponse:
    """To the page that asks for the reason, and back; a form that came without one is kept on a page of its own."""
    ask = f"{reverse('admin:tasks_task_reason')}?{urlencode({'user': selected, 'next': request.get_full_path()})}"
    if request.method != "POST":
        return SeeOther(ask)
    title, words = _("Say why first"), _("Nothing was changed. Give a reason in a new tab, then send this again.")
    pending_form = PendingForm.from_post(request)
    return render_error_page(request, 403, title, words, pending_form=pending_form, link=(ask, _("Give a reason")))


def edit_conflict_response(request: HttpRequest, conflict: EditConflict) -> HttpResponse:
    title, words = _("Changed twice"), _("This task was changed meanwhile. Send yours again to write it over that.")
    pending_form = PendingForm.from_post(request).replace("version", str(conflict.task.version))
    return render_error_page(request, 409, title, words, pending_form=pending_form)
