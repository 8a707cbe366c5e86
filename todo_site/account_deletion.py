"""Let people erase their data or delete their account. Both actions ask for confirmation and end with a receipt.

Only the project level knows both parts: better_auth checks the password, and the registry lists the rows to delete.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.db import DEFAULT_DB_ALIAS
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from tasks.models import Task

from .better_auth.backends import get_backend
from .better_auth.backends.reauthentication import has_password
from .better_auth.forms import ConfirmForm
from .better_auth.views.authentication import clear_browser
from .better_auth.views.form_actions import copy_status, run_action
from .journal.changes import ChangeContext, journalled
from .journal.erasing import erase
from .journal.models import JournalEntry
from .ownership import registry
from .ownership.requests import OwnerRequest

RECEIPT_KEY = "receipt"  # in the signed session
TRASH, TRASH_NAME = "trash", _("In the trash")
RECEIPT_LIFETIME = timedelta(hours=1)

logger = logging.getLogger(__name__)


@require_safe
def your_data(request: OwnerRequest) -> HttpResponse:
    return render_data_page(request)


@sensitive_post_parameters()
@require_POST
def erase_tasks(request: OwnerRequest) -> HttpResponse:
    form = ConfirmForm(request.POST, prefix="tasks", has_password=has_password(request))
    response = run_action(request, form, get_backend().confirm, reverse("receipt"))
    if response.status_code != 303:
        return copy_status(response, render_data_page(request, tasks_form=form))
    store_receipt(request, erase_rows(request.user.id), account=False)
    return response


@sensitive_post_parameters()
@require_POST
def delete_account(request: OwnerRequest) -> HttpResponse:
    form = ConfirmForm(request.POST, prefix="account", has_password=has_password(request))
    erased = count_rows(request.user.id)
    response = run_action(request, form, get_backend().delete_account, reverse("receipt"))
    if response.status_code != 303:
        return copy_status(response, render_data_page(request, account_form=form))
    clear_browser(request, response)
    store_receipt(request, erased, account=True)
    return response


def render_data_page(
    request: OwnerRequest, tasks_form: ConfirmForm | None = None, account_form: ConfirmForm | None = None
) -> HttpResponse:
    needs_password = has_password(request)
    context = {
        "counts": label_counts(count_rows(request.user.id)),
        "tasks_form": tasks_form or ConfirmForm(prefix="tasks", has_password=needs_password),
        "account_form": account_form or ConfirmForm(prefix="account", has_password=needs_password),
    }
    return render(request, "web/data.html", context)


def erase_rows(user_id: str) -> dict[str, int]:
    """Delete the user's rows in all erased models. Return the number of rows there were of each."""
    context = ChangeContext()
    with journalled(user_id, DEFAULT_DB_ALIAS, context, lock=True):
        counts = count_rows(user_id)
        erase(user_id, DEFAULT_DB_ALIAS, context)
    return counts


def count_rows(user_id: str) -> dict[str, int]:
    """Return how much of a person's data erasing deletes, by the model's label, and in the trash."""
    return registry.count_rows(user_id, **{TRASH: JournalEntry.objects.for_user(user_id).in_trash().counted()})


def label_counts(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return the counts with names to show. Tasks, the trash and the history are always included."""
    always = {Task._meta.label, TRASH, JournalEntry._meta.label}
    names = {
        label: TRASH_NAME if label == TRASH else apps.get_model(label)._meta.verbose_name_plural for label in counts
    }
    return [(capfirst(str(names[label])), n) for label, n in counts.items() if n or label in always]


def store_receipt(request: HttpRequest, erased: dict[str, int], *, account: bool) -> None:
    """Keep the numbers of deleted rows for the next page, which a user without an account opens."""
    request.session[RECEIPT_KEY] = {
        "erased": erased,
        "account": account,
        "at": timezone.now().isoformat(),
        "request_id": getattr(request, "id", ""),
    }
    logger.info("Account deleted" if account else "All tasks erased", extra={"request": request})


@login_not_required
@require_safe
def receipt(request: HttpRequest) -> HttpResponse:
    stored = request.session.get(RECEIPT_KEY)
    if stored is None or timezone.now() - (at := datetime.fromisoformat(stored["at"])) > RECEIPT_LIFETIME:
        raise Http404
    return render(request, "web/receipt.html", {**stored, "at": at, "counts": label_counts(stored["erased"])})
