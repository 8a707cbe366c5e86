from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from todo_site.better_auth.backends import get_backend
from todo_site.better_auth.forms import NameForm, PasswordForm

from .form_actions import copy_status, run_action


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render_account_page(request)
    form = NameForm(request.POST)
    response = run_action(request, form, get_backend().change_name, reverse("better_auth:account"))
    if response.status_code == 303:
        messages.success(request, _("Name changed."))
        return response
    return copy_status(response, render_account_page(request, name_form=form))


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST)
    response = run_action(request, form, get_backend().change_password, reverse("better_auth:account"))
    if response.status_code == 303:
        messages.success(request, _("Password changed."))
        return response
    return copy_status(response, render_account_page(request, password_form=form))


def render_account_page(
    request: HttpRequest, name_form: forms.Form | None = None, password_form: forms.Form | None = None
) -> HttpResponse:
    context = {
        "name_form": name_form or NameForm(initial={"name": getattr(request.user, "name", "")}),
        "password_form": password_form or PasswordForm(),
    }
    return render(request, "better_auth/account.html", context)
