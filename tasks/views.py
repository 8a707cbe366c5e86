from __future__ import annotations

import uuid
from typing import Protocol

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from todo_site.outage import idempotent
from todo_site.redirects import SeeOther, next_url

from .forms import EditTaskForm, NewTaskForm, TaskForm
from .models import Task, TaskQuerySet
from .paging import Cursor, Page

FILTERS = ("pending", "completed", "all")


class Owner(Protocol):
    id: str


class OwnerRequest(HttpRequest):
    """A request that LoginRequiredMiddleware has let through."""

    user: Owner  # type: ignore[assignment]


@require_safe
def task_list(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    shown = request.GET.get("status", "")
    shown = shown if shown in FILTERS else "pending"
    matching = {"pending": tasks.pending, "completed": tasks.completed, "all": tasks.all}[shown]()
    page = Page.of(matching, Cursor.parse(request.GET.get("cursor", "")))
    return render(
        request,
        "tasks/list.html",
        {
            "page": page,
            "shown": shown,
            "counts": count_by_status(tasks),
            "form": NewTaskForm(),
            "here": request.get_full_path(),
        },
    )


def count_by_status(tasks: TaskQuerySet) -> dict[str, int]:
    """The number of tasks for each filter of the list."""
    counts = dict(tasks.order_by().values_list("status").annotate(n=Count("*")))
    pending, completed = counts.get("pending", 0), counts.get("completed", 0)
    return {"pending": pending, "completed": completed, "all": pending + completed}


@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def new_task(request: OwnerRequest) -> HttpResponse:
    form = NewTaskForm(posted(request), instance=Task(user_id=request.user.id))
    if form.is_valid():
        task = form.save()
        messages.success(request, _("Added “%(title)s”.") % {"title": task.title})
        return SeeOther(next_url(request) or reverse("tasks:list"))
    return render_form(request, "tasks/new.html", form)


@require_safe
def task_detail(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    task = get_object_or_404(Task.objects.for_user(request.user.id), pk=task_id)
    return render(request, "tasks/detail.html", {"task": task})


@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def edit_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    task = get_object_or_404(Task.objects.for_user(request.user.id), pk=task_id)
    form = EditTaskForm(posted(request), instance=task)
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved “%(title)s”.") % {"title": task.title})
        return SeeOther(next_url(request) or task.get_absolute_url())
    return render_form(request, "tasks/edit.html", form)


@idempotent
@require_POST
def set_status(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    task = get_object_or_404(Task.objects.for_user(request.user.id), pk=task_id)
    status = request.POST.get("status", "")
    if status not in Task.Status.values:
        unchanged = {"title": task.title, "description": task.description, "status": status}
        return render_form(request, "tasks/edit.html", EditTaskForm(unchanged, instance=task))
    task.set_status(status)
    done = _("Completed “%(title)s”.") if task.is_completed else _("Reopened “%(title)s”.")
    messages.success(request, done % {"title": task.title})
    return SeeOther(next_url(request) or reverse("tasks:list"))


@require_POST
def delete_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    task = get_object_or_404(Task.objects.for_user(request.user.id), pk=task_id)
    task.delete()
    messages.success(request, _("Deleted “%(title)s”.") % {"title": task.title})
    return SeeOther(next_url(request) or reverse("tasks:list"))


def posted(request: HttpRequest) -> QueryDict | None:
    """The data for a form that one view both shows and takes."""
    return request.POST if request.method == "POST" else None


def render_form(request: HttpRequest, template: str, form: TaskForm) -> HttpResponse:
    """The page with the form: 422 with what was typed when it was not accepted."""
    context = {"form": form, "next": next_url(request) or ""}
    return render(request, template, context, status=422 if form.errors else 200)
