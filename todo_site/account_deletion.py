"""Erasing one's own data.

Here the rooms meet: the accounts check the password, and the tasks are erased by a verb of their own.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from tasks.models import Task
from tasks.views import OwnerRequest

from .better_auth.backends import get_backend
from .better_auth.backends.reauthentication import has_password
from .better_auth.forms import ConfirmForm
from .better_auth.views.authentication import clear_browser
from .better_auth.views.form_actions import copy_status, run_action
from .journal.models import ChangeContext

RECEIPT = "receipt"
LIFETIME = timedelta(hours=1)

logger = logging.getLogger(__name__)


@require_safe
def your_data(request: OwnerRequest) -> HttpResponse:
    return data_page(request)


@sensitive_post_parameters()
@require_POST
def erase_tasks(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = ConfirmForm(request.POST, prefix="tasks", has_password=has_password(request))
    response = run_action(request, form, get_backend().confirm, reverse("receipt"))
    if response.status_code != 303:
        return copy_status(response, data_page(request, tasks_form=form))
    keep_receipt(request, tasks.erase(ChangeContext.from_request(request)), account=False)
    return response


@sensitive_post_parameters()
@require_POST
def delete_account(request: OwnerRequest) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    form = ConfirmForm(request.POST, prefix="account", has_password=has_password(request))
    erased = tasks.count_rows()
    response = run_action(request, form, get_backend().delete_account, reverse("receipt"))
    if response.status_code != 303:
        return copy_status(response, data_page(request, account_form=form))
    clear_browser(request, response)
    keep_receipt(request, erased, account=True)
    return response


def data_page(
    request: OwnerRequest, tasks_form: ConfirmForm | None = None, account_form: ConfirmForm | None = None
) -> HttpResponse:
    tasks = Task.objects.for_user(request.user.id)
    known = has_password(request)
    context = {
        "kept": tasks.count_rows(),
        "tasks_form": tasks_form or ConfirmForm(prefix="tasks", has_password=known),
        "account_form": account_form or ConfirmForm(prefix="account", has_password=known),
    }
    return render(request, "web/data.html", context)


def keep_receipt(request: HttpRequest, erased: dict[str, int], *, account: bool) -> None:
    """For the next page, which may be a stranger's by then: numbers, in the signed session."""
    at, request_id = timezone.now().isoformat(), getattr(request, "id", "")
    request.session[RECEIPT] = {"erased": erased, "account": account, "at": at, "request_id": request_id}
    logger.info("Account deleted" if account else "All tasks erased", extra={"request": request})


@login_not_required
@require_safe
def receipt(request: HttpRequest) -> HttpResponse:
    kept = request.session.get(RECEIPT)
    if kept is None or timezone.now() - (at := datetime.fromisoformat(kept["at"])) > LIFETIME:
        raise Http404
    return render(request, "web/receipt.html", {**kept, "at": at})
