from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from todo_site.journal.changes import Change, ChangeContext
from todo_site.journal.models import CannotUndo, JournalEntry
from todo_site.ownership.pipeline import fetch_all_in_pipeline
from todo_site.ownership.requests import OwnerRequest, post_data
from todo_site.web.database_errors import idempotent
from todo_site.web.error_views import render_error_page
from todo_site.web.pending_form import PendingForm
from todo_site.web.rate_limits import rate_limit
from todo_site.web.redirects import SeeOther, next_url
from todo_site.web.server_timing import measure
from todo_site.web.templates import format_time_element

from .forms import EditTaskForm, NewTaskForm, TaskForm
from .ids import parse_uuids
from .merge import EditConflict
from .models import Task
from .rate_limits import CREATE, SEARCH
from .task_list.filters import TaskListQuery
from .task_list.pagination import Cursor, EntryPage
from .task_list.rows import render_rows
from .task_list.shell import ListContext, render_list
from .undo import add_undo_message, truncate

HISTORY_SIZE = 50


def is_search(request: HttpRequest) -> bool:
    return bool(request.GET.get("q", "").strip())


@rate_limit(SEARCH, is_search)
@require_safe
def task_list(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    query = TaskListQuery.from_querydict(request.GET, request.user.id)
    cursor = Cursor.parse(request.GET.get("cursor", ""), query.sort, request.user.id)
    page, counts = query.fetch(tasks, cursor)
    with measure(request, "render"):
        is_whole = request.GET.get("descriptions") == "1"
        rows = render_rows(page.tasks, query, whole_descriptions=is_whole)
    now = format_time_element(timezone.now())
    context = ListContext(query, cursor, page, counts, rows, uuid.uuid4(), request.get_full_path(), now)
    return render_list(request, context)


@rate_limit(CREATE)
@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def new_task(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = NewTaskForm(post_data(request), instance=Task(user_id=request.user.id), initial=initial_from_query(request))
    if not form.is_valid():
        return render_form(request, "tasks/new.html", form)
    change = tasks.add(form.build_task(), ChangeContext.from_request(request))
    add_undo_message(request, _("Added “%(title)s”.") % {"title": truncate(change.rows[0].title)}, change)
    return SeeOther(next_url(request) or reverse("tasks:list"))


def initial_from_query(request: HttpRequest) -> dict[str, str]:
    """Return the new task that the query string proposes. An app that shares a page sends its text and its link."""
    return {
        "title": " ".join(request.GET.get("title", "").split()),
        "description": "\n".join(filter(None, request.GET.getlist("description"))),
    }


@require_safe
def task_detail(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    newest = JournalEntry.objects.for_user(request.user.id).filter(task_id=task_id).newest_first()[:HISTORY_SIZE]
    found, entries = fetch_all_in_pipeline(tasks.filter(pk=task_id), newest)
    if not found:
        raise Http404
    context = {"task": found[0], "entries": entries, "printed_at": timezone.now()}
    return render(request, "tasks/detail.html", context)


@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def edit_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = EditTaskForm(post_data(request), instance=Task(user_id=request.user.id))
    if not form.is_valid():
        task = tasks.filter(pk=task_id).first()
        if task is None:
            return task_deleted_response(request, task_id)
        return render_form(request, "tasks/edit.html", EditTaskForm(post_data(request), instance=task))
    try:
        change = tasks.edit(task_id, form.wanted, form.cleaned_data["version"], ChangeContext.from_request(request))
    except EditConflict as conflict:
        context = {"conflict": conflict, "task": conflict.task, "next": next_url(request) or ""}
        return render(request, "tasks/conflict.html", context, status=409)
    except Task.DoesNotExist:
        return task_deleted_response(request, task_id)
    add_undo_message(request, _("Saved “%(title)s”.") % {"title": truncate(form.cleaned_data["title"])}, change)
    return SeeOther(next_url(request) or reverse("tasks:detail", args=[task_id]))


def task_deleted_response(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    """Return a page with the submitted text for a task that is in the trash. Raise Http404 for any other task."""
    trash = JournalEntry.objects.for_user(request.user.id).in_trash()
    if not trash.filter(task_id=task_id).exists() or request.method != "POST":
        raise Http404
    title, text = (
        _("This task is in the trash"),
        _("It was deleted while you were editing it. You can add your version as a new task."),
    )
    fields = [(name, request.POST.get(name, "")) for name in ("title", "description")]
    return render_error_page(request, 409, title, text, pending_form=PendingForm(reverse("tasks:new"), fields))


@idempotent
@require_POST
def set_status(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    status = request.POST.get("status", "")
    if status not in Task.Status.values:
        task = get_object_or_404(tasks, pk=task_id)
        unchanged = {"title": task.title, "description": task.description, "status": status}
        return render_form(request, "tasks/edit.html", EditTaskForm(unchanged, instance=task))
    change = tasks.change_status(task_id, status, ChangeContext.from_request(request))
    title = change.rows[0].title if change else get_object_or_404(tasks, pk=task_id).title
    done = _("Completed “%(title)s”.") if status == Task.Status.COMPLETED else _("Reopened “%(title)s”.")
    add_undo_message(request, done % {"title": truncate(title)}, change)
    back = next_url(request) or reverse("tasks:list")
    # Without JavaScript the page is loaded again, at this row or at the one that took its place.
    row = request.GET.get("row", "")
    return SeeOther(f"{back}#row-{row}" if re.fullmatch("[0-9]{1,3}", row) and "#" not in back else back)


@idempotent
@require_POST
def delete_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    change = tasks.trash(task_id, ChangeContext.from_request(request)) or find_deletion(request, task_id)
    add_undo_message(request, _("Deleted “%(title)s”.") % {"title": truncate(change.rows[0].title)}, change)
    return SeeOther(next_url(request) or reverse("tasks:list"))


def find_deletion(request: OwnerRequest, task_id: uuid.UUID) -> Change:
    """Return the change that moved a task to the trash. Raise Http404 for any other task."""
    trash = JournalEntry.objects.for_user(request.user.id).in_trash()
    return get_object_or_404(trash, task_id=task_id).to_change()


@idempotent
@require_POST
def bulk_update(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    selected = tasks.filter(pk__in=parse_uuids(request.POST.getlist("task")))
    context = ChangeContext.from_request(request)
    change = Change(context.action, [])
    match request.POST.get("action"):
        case "complete":
            change = selected.set_status(Task.Status.COMPLETED, context)
            done = ngettext("Completed %(n)d task.", "Completed %(n)d tasks.", len(change.rows))
        case "reopen":
            change = selected.set_status(Task.Status.PENDING, context)
            done = ngettext("Reopened %(n)d task.", "Reopened %(n)d tasks.", len(change.rows))
        case "delete":
            change = selected.move_to_trash(context)
            done = ngettext("Deleted %(n)d task.", "Deleted %(n)d tasks.", len(change.rows))
        case _other:
            done = _("Nothing was changed. Choose an action for the selected tasks.")
    add_undo_message(request, done % {"n": len(change.rows)}, change)
    return SeeOther(next_url(request) or reverse("tasks:list"))


@idempotent
@require_POST
def undo(request: OwnerRequest, entry_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    return undo_response(request, partial(tasks.undo, entry_id), next_url(request) or reverse("tasks:list"))


def undo_response(request: OwnerRequest, revert: Callable[[ChangeContext], Change], back: str) -> HttpResponse:
    """Return a redirect to ``back`` with a message that says whether the change was reverted."""
    try:
        change = revert(ChangeContext.from_request(request))
    except JournalEntry.DoesNotExist:
        raise Http404 from None
    except CannotUndo as error:
        messages.error(request, str(error))
        return SeeOther(back)
    if not change:
        add_undo_message(request, _("Already undone."))
    elif len(change.rows) > 1:
        done = ngettext("%(n)d change undone.", "%(n)d changes undone.", len(change.rows))
        add_undo_message(request, done % {"n": len(change.rows)}, change)
    else:
        add_undo_message(request, _("Undone."), change)
        back = add_row_anchor(back, change.rows[0].id)
    return SeeOther(back)


def add_row_anchor(url: str, task_id: uuid.UUID) -> str:
    """Return the URL of the task list with the anchor of a task. Other URLs are unchanged."""
    is_list = url.partition("?")[0] == reverse("tasks:list")
    return f"{url}#task-{task_id}" if is_list and "#" not in url else url


@require_safe
def trash(request: OwnerRequest) -> HttpResponse:
    deletions = JournalEntry.objects.for_user(request.user.id).in_trash().newest_first()
    page = EntryPage.from_rows(list(EntryPage.select(deletions, request.GET.get("before", ""))))
    return render(request, "tasks/trash.html", {"page": page})


@idempotent
@require_POST
def restore(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    return undo_response(request, partial(tasks.restore, task_id), next_url(request) or reverse("tasks:trash"))


@require_safe
def history(request: OwnerRequest) -> HttpResponse:
    journal, tasks = JournalEntry.objects.for_user(request.user.id), Task.objects.for_user(request.user.id)
    selected = EntryPage.select(journal.newest_first(), request.GET.get("before", ""))
    ids = selected.values("task_id")
    entries, newest, titles, deletions = fetch_all_in_pipeline(
        selected,
        journal.newest_first().values_list("hash")[:1],
        tasks.filter(pk__in=ids).values_list("id", "title"),
        journal.in_trash().filter(task_id__in=ids),
    )
    in_trash = {deletion.task_id: deletion.title for deletion in deletions}
    page, head = EntryPage.from_rows(entries), newest[0][0] if newest else ""
    context = {"page": page, "head": head, "titles": dict(titles), "in_trash": in_trash}
    return render(request, "tasks/history.html", context)


def render_form(request: HttpRequest, template: str, form: TaskForm) -> HttpResponse:
    """Return the page with the form. Its status is 422 if the form has errors."""
    context = {"form": form, "next": next_url(request) or ""}
    return render(request, template, context, status=422 if form.errors else 200)
