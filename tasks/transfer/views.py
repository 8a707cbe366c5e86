"""Views to paste tasks, to export all data, and to import files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tasks.models import Task
from tasks.rate_limits import CREATE, EXPORT, IMPORT
from tasks.undo import add_undo_message
from todo_site.journal.canonical import to_rfc3339
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry
from todo_site.ownership.requests import OwnerRequest, post_data
from todo_site.web.database_errors import idempotent
from todo_site.web.rate_limits import is_safe, rate_limit
from todo_site.web.redirects import SeeOther, next_url

from .exporters import stream_csv, stream_json
from .forms import ImportForm, PasteForm, first_errors
from .importers import parse_file
from .models import PendingImport
from .preview import ImportPreview

MAX_SHOWN_TITLES = 20


@rate_limit(CREATE)
@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def paste(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = PasteForm(request.user.id, post_data(request))
    if not form.is_valid() or form.parsed is None or not form.is_confirmed():
        context = {"form": form, "next": next_url(request) or ""}
        return render(request, "tasks/paste.html", context, status=422 if form.is_bound else 200)
    change_context = ChangeContext.from_request(request).with_action(form.cleaned_data["id"])
    change = tasks.create_many(form.parsed.tasks, change_context)
    done = ngettext("Added %(n)d task.", "Added %(n)d tasks.", len(change.rows))
    add_undo_message(request, done % {"n": len(change.rows)}, change)
    return SeeOther(next_url(request) or reverse("tasks:list"))


@rate_limit(EXPORT, is_safe)
@require_safe
def export_json(request: OwnerRequest) -> StreamingHttpResponse:
    journal = JournalEntry.objects.for_user(request.user.id)
    exported_at = to_rfc3339(timezone.now())
    return download_response(
        stream_json(request.user.id, exported_at, journal.last_number()), "application/json", "json"
    )


@rate_limit(EXPORT, is_safe)
@require_safe
def export_csv(request: OwnerRequest) -> StreamingHttpResponse:
    journal = JournalEntry.objects.for_user(request.user.id)
    return download_response(stream_csv(request.user.id, journal.last_number()), "text/csv; charset=utf-8", "csv")


def download_response(parts: Iterator[str], content_type: str, extension: str) -> StreamingHttpResponse:
    name = f"tasks-{timezone.localdate().isoformat()}.{extension}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(parts, content_type=content_type, headers=headers)


@rate_limit(IMPORT)
@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def upload_file(request: OwnerRequest) -> HttpResponse:
    """Store the file and show a preview. import_tasks() imports it."""
    uploads = PendingImport.objects.for_user(request.user.id)
    form = ImportForm(request.user.id, post_data(request), request.FILES if request.method == "POST" else None)
    if form.is_valid():
        uploads.store(form.name, form.content)
        return SeeOther(reverse("tasks:import"))
    upload = None if form.is_bound else uploads.first()
    context: dict[str, object] = {"form": form, "upload": upload}
    if upload is not None:
        parsed = parse_file(upload.name, upload.content, request.user.id)
        preview = ImportPreview.from_parsed_file(parsed, Task.objects.for_user(request.user.id))
        context |= {
            "preview": preview,
            "titles": preview.new[:MAX_SHOWN_TITLES],
            "errors": first_errors(preview.errors),
        }
    return render(request, "tasks/import.html", context, status=422 if form.is_bound else 200)


@rate_limit(IMPORT)
@idempotent
@require_POST
def import_tasks(request: OwnerRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Import the stored file. If the request is sent again, report what the first one imported."""
    tasks = Task.objects.for_user(request.user.id)
    upload = PendingImport.objects.for_user(request.user.id).filter(pk=upload_id).first()
    if upload is not None:
        parsed = parse_file(upload.name, upload.content, request.user.id)
        tasks.import_tasks(parsed.tasks, ChangeContext.from_request(request).with_action(upload_id))
        upload.delete()
    imported = JournalEntry.objects.for_user(request.user.id).filter(batch=upload_id)
    n = imported.count()
    if not n and upload is None:
        raise Http404
    done = (
        ngettext("Imported %(n)d task.", "Imported %(n)d tasks.", n)
        if n
        else _("Nothing was imported. All tasks in the file already exist.")
    )
    first = imported.first()
    add_undo_message(request, done % {"n": n}, first.to_change() if first else None)
    return SeeOther(reverse("tasks:list"))


@idempotent
@require_POST
def discard_upload(request: OwnerRequest) -> HttpResponse:
    PendingImport.objects.for_user(request.user.id).delete()
    add_undo_message(request, _("Import cancelled. The uploaded file was deleted."))
    return SeeOther(next_url(request) or reverse("tasks:import"))
