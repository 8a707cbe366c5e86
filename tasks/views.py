from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from todo_site.journal.models import CannotUndo, JournalEntry, Origin
from todo_site.ownership.pipeline import fetch_together
from todo_site.web.database_errors import idempotent
from todo_site.web.error_views import error_page
from todo_site.web.pending_form import Typed
from todo_site.web.rate_limits import CREATE, SEARCH, limited
from todo_site.web.redirects import SeeOther, next_url

from .forms import EditTaskForm, NewTaskForm, TaskForm
from .models import EditConflict, Task
from .task_list.filters import Listing
from .task_list.pagination import Cursor, EntryPage

HISTORY_SIZE = 50


class Owner(Protocol):
    id: str


class OwnerRequest(HttpRequest):
    """A request that LoginRequiredMiddleware has let through."""

    user: Owner  # type: ignore[assignment]


def is_search(request: HttpRequest) -> bool:
    return bool(request.GET.get("q", "").strip())


@limited(SEARCH, is_search)
@require_safe
def task_list(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    listing = Listing.asked_for(request.GET, request.user.id)
    cursor = Cursor.parse(request.GET.get("cursor", ""), listing.sort, request.user.id)
    page, counts = listing.read(tasks, cursor)
    return render(
        request,
        "tasks/list.html",
        {
            "listing": listing,
            "page": page,
            "counts": counts,
            "new_id": uuid.uuid4(),
            "here": request.get_full_path(),
            "descriptions": request.GET.get("descriptions") == "1",
            "printed_at": timezone.now(),
        },
    )


@limited(CREATE)
@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def new_task(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = NewTaskForm(posted(request), instance=Task(user_id=request.user.id), initial=suggested(request))
    if not form.is_valid():
        return render_form(request, "tasks/new.html", form)
    entry = tasks.add(form.task(), Origin.of(request))
    tell(request, _("Added “%(title)s”.") % {"title": short(entry.title)}, [entry])
    return SeeOther(next_url(request) or reverse("tasks:list"))


def suggested(request: HttpRequest) -> dict[str, str]:
    """What the address proposes for a new task: a share from another app names its text and its link alike."""
    return {
        "title": " ".join(request.GET.get("title", "").split()),
        "description": "\n".join(filter(None, request.GET.getlist("description"))),
    }


@require_safe
def task_detail(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    newest = JournalEntry.objects.for_user(request.user.id).filter(task_id=task_id).newest_first()[:HISTORY_SIZE]
    found, entries = fetch_together(tasks.filter(pk=task_id), newest)
    if not found:
        raise Http404
    context = {"task": found[0], "entries": entries, "printed_at": timezone.now()}
    return render(request, "tasks/detail.html", context)


@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def edit_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = EditTaskForm(posted(request), instance=Task(user_id=request.user.id))
    if not form.is_valid():
        task = tasks.filter(pk=task_id).first()
        if task is None:
            return gone(request, task_id)
        return render_form(request, "tasks/edit.html", EditTaskForm(posted(request), instance=task))
    try:
        entries = tasks.edit(task_id, form.wanted, form.cleaned_data["version"], Origin.of(request))
    except EditConflict as conflict:
        context = {"conflict": conflict, "task": conflict.task, "next": next_url(request) or ""}
        return render(request, "tasks/conflict.html", context, status=409)
    except Task.DoesNotExist:
        return gone(request, task_id)
    tell(request, _("Saved “%(title)s”.") % {"title": short(form.cleaned_data["title"])}, entries)
    return SeeOther(next_url(request) or reverse("tasks:detail", args=[task_id]))


def gone(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    """404; or, for a task that went into the trash while its form was open, a page that keeps what was typed."""
    trash = JournalEntry.objects.for_user(request.user.id).in_trash()
    if not trash.filter(task_id=task_id).exists() or request.method != "POST":
        raise Http404
    title, words = _("This task is in the trash"), _("It was deleted meanwhile. You can add it anew as you wrote it.")
    fields = [(name, request.POST.get(name, "")) for name in ("title", "description")]
    return error_page(request, 409, title, words, typed=Typed(reverse("tasks:new"), fields))


@idempotent
@require_POST
def set_status(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    status = request.POST.get("status", "")
    if status not in Task.Status.values:
        task = get_object_or_404(tasks, pk=task_id)
        unchanged = {"title": task.title, "description": task.description, "status": status}
        return render_form(request, "tasks/edit.html", EditTaskForm(unchanged, instance=task))
    entries = tasks.filter(pk=task_id).set_status(status, Origin.of(request))
    title = entries[0].title if entries else get_object_or_404(tasks, pk=task_id).title
    done = _("Completed “%(title)s”.") if status == Task.Status.COMPLETED else _("Reopened “%(title)s”.")
    tell(request, done % {"title": short(title)}, entries)
    return SeeOther(next_url(request) or reverse("tasks:list"))


@idempotent
@require_POST
def delete_task(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    trash = JournalEntry.objects.for_user(request.user.id).in_trash()
    entries = tasks.filter(pk=task_id).discard(Origin.of(request)) or [get_object_or_404(trash, task_id=task_id)]
    tell(request, _("Deleted “%(title)s”.") % {"title": short(entries[0].title)}, entries)
    return SeeOther(next_url(request) or reverse("tasks:list"))


@idempotent
@require_POST
def change_many(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    picked = tasks.filter(pk__in=ids_in(request.POST.getlist("task")))
    match request.POST.get("action"):
        case "complete":
            entries = picked.set_status(Task.Status.COMPLETED, Origin.of(request))
            done = ngettext("Completed %(n)d task.", "Completed %(n)d tasks.", len(entries))
        case "reopen":
            entries = picked.set_status(Task.Status.PENDING, Origin.of(request))
            done = ngettext("Reopened %(n)d task.", "Reopened %(n)d tasks.", len(entries))
        case "delete":
            entries = picked.discard(Origin.of(request))
            done = ngettext("Deleted %(n)d task.", "Deleted %(n)d tasks.", len(entries))
        case _other:
            entries, done = [], _("Nothing was changed: choose what to do with the tasks.")
    tell(request, done % {"n": len(entries)}, entries)
    return SeeOther(next_url(request) or reverse("tasks:list"))


def ids_in(texts: list[str]) -> list[uuid.UUID]:
    """The ids among these texts."""
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(uuid.UUID(text))
    return found


@idempotent
@require_POST
def undo(request: OwnerRequest, entry_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    return undone(request, partial(tasks.undo, entry_id), next_url(request) or reverse("tasks:list"))


def undone(request: OwnerRequest, revert: Callable[[Origin], list[JournalEntry]], back: str) -> HttpResponse:
    try:
        entries = revert(Origin.of(request))
    except JournalEntry.DoesNotExist:
        raise Http404 from None
    except CannotUndo as refusal:
        messages.error(request, str(refusal))
        return SeeOther(back)
    if not entries:
        tell(request, _("That was undone already."), [])
    elif len(entries) > 1:
        tell(
            request,
            ngettext("Undone: %(n)d change.", "Undone: %(n)d changes.", len(entries)) % {"n": len(entries)},
            entries,
        )
    else:
        tell(request, _("Undone."), entries)
        back = at_row(back, entries[0])
    return SeeOther(back)


def at_row(address: str, entry: JournalEntry) -> str:
    """The address of the list at the row that the entry is about; any other as it is."""
    is_list = address.partition("?")[0] == reverse("tasks:list")
    return f"{address}#task-{entry.task_id}" if is_list and "#" not in address else address


@require_safe
def trash(request: OwnerRequest) -> HttpResponse:
    deletions = JournalEntry.objects.for_user(request.user.id).in_trash().newest_first()
    page = EntryPage.of(list(EntryPage.query(deletions, request.GET.get("before", ""))))
    return render(request, "tasks/trash.html", {"page": page})


@idempotent
@require_POST
def restore(request: OwnerRequest, task_id: uuid.UUID) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    return undone(request, partial(tasks.restore, task_id), next_url(request) or reverse("tasks:trash"))


@require_safe
def history(request: OwnerRequest) -> HttpResponse:
    journal, tasks = JournalEntry.objects.for_user(request.user.id), Task.objects.for_user(request.user.id)
    asked = EntryPage.query(journal.newest_first(), request.GET.get("before", ""))
    ids = asked.values("task_id")
    entries, newest, titles, deletions = fetch_together(
        asked,
        journal.newest_first().values_list("hash")[:1],
        tasks.filter(pk__in=ids).values_list("id", "title"),
        journal.in_trash().filter(task_id__in=ids),
    )
    in_trash = {deletion.task_id: deletion.title for deletion in deletions}
    page, head = EntryPage.of(entries), newest[0][0] if newest else ""
    context = {"page": page, "head": head, "titles": dict(titles), "in_trash": in_trash}
    return render(request, "tasks/history.html", context)


def tell(request: HttpRequest, words: str, entries: list[JournalEntry]) -> None:
    """Say on the next page what was done; what these entries of the journal say can be undone from there."""
    messages.success(request, words, extra_tags=str(entries[0].batch or entries[0].pk) if entries else "")


def short(title: str) -> str:
    """A title for a message, which has to fit into a cookie."""
    return Truncator(title).chars(60)


def posted(request: HttpRequest) -> QueryDict | None:
    """The data for a form that one view both shows and takes."""
    return request.POST if request.method == "POST" else None


def render_form(request: HttpRequest, template: str, form: TaskForm) -> HttpResponse:
    """The page with the form: 422 with what was typed when it was not accepted."""
    context = {"form": form, "next": next_url(request) or ""}
    return render(request, template, context, status=422 if form.errors else 200)
