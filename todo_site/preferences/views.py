from __future__ import annotations

from copy import copy

from django.conf import settings
from django.contrib import messages
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from todo_site.ownership.requests import OwnerRequest, post_data
from todo_site.web.database_errors import idempotent
from todo_site.web.redirects import SeeOther

from .forms import PreferencesForm, time_zone_names
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
        return render_preferences(request, form, status=422 if form.is_bound else 200)
    apply_preferences(request, own.upsert(**form.changes))
    messages.success(request, _("Settings saved."))
    return SeeOther(request.path)


@idempotent
@require_POST
def time_zone(request: OwnerRequest) -> HttpResponse:
    """Save the time zone that the browser reports, unless the user has chosen one."""
    own = Preferences.objects.for_user(request.user.id)
    reported, stored = request.POST.get("time_zone", ""), own.get_or_default()
    if reported not in time_zone_names():
        form = PreferencesForm({**model_to_dict(stored), "time_zone": reported})
        return render_preferences(request, form, status=422)
    apply_preferences(request, stored if stored.time_zone else own.upsert(time_zone=reported))
    return SeeOther(resolve_url(settings.LOGIN_REDIRECT_URL))


def render_preferences(request: HttpRequest, form: PreferencesForm, status: int) -> HttpResponse:
    return render(request, "preferences/preferences.html", {"form": form}, status=status)
