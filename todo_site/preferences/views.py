from __future__ import annotations

from copy import copy

from django.contrib import messages
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from todo_site.ownership.requests import OwnerRequest
from todo_site.web.database_errors import idempotent
from todo_site.web.forms import post_data
from todo_site.web.redirects import SeeOther

from .forms import PreferencesForm, zones
from .middleware import apply_preferences
from .models import Preferences


@idempotent
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: OwnerRequest) -> HttpResponse:
    own = Preferences.objects.for_user(request.user.id)
    stored = own.get_or_default()
    apply_preferences(request, stored)
    form = PreferencesForm(post_data(request), instance=copy(stored))
    if not form.is_valid():
        return preferences_page(request, form, status=422 if form.is_bound else 200)
    apply_preferences(request, own.remember(**form.changes))
    messages.success(request, _("Saved."))
    return SeeOther(reverse("tasks:preferences"))


@idempotent
@require_POST
def time_zone(request: OwnerRequest) -> HttpResponse:
    """Take the browser's word for the time zone, where nobody has chosen one."""
    own = Preferences.objects.for_user(request.user.id)
    told, known = request.POST.get("time_zone", ""), own.get_or_default()
    if told not in zones():
        return preferences_page(request, PreferencesForm({**model_to_dict(known), "time_zone": told}), status=422)
    apply_preferences(request, known if known.time_zone else own.remember(time_zone=told))
    return SeeOther(reverse("tasks:list"))


def preferences_page(request: HttpRequest, form: PreferencesForm, status: int) -> HttpResponse:
    return render(request, "preferences/preferences.html", {"form": form}, status=status)
