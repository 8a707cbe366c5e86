from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from todo_site.redirects import SeeOther, next_url

from . import accounts, sessions
from .forms import SignInForm, SignUpForm
from .limits import LimitReached

type Enter = Callable[..., None]


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    return enter(request, SignInForm, "better_auth/sign_in.html", accounts.sign_in)


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    return enter(request, SignUpForm, "better_auth/sign_up.html", accounts.sign_up)


def enter(request: HttpRequest, form_class: type[forms.Form], template: str, go_in: Enter) -> HttpResponse:
    """Show the form, or go in with what it says: to ``next`` when that works, back to the form when not."""
    target = next_url(request) or reverse("tasks:list")
    if request.method != "POST":
        if request.user.is_authenticated:
            return SeeOther(target)
        return render(request, template, {"form": form_class(), "next": target})
    form = form_class(request.POST)
    status, headers = 422, {}
    if form.is_valid():
        response = SeeOther(target)
        try:
            go_in(request, response, **form.cleaned_data)
        except accounts.Refused as refused:
            form.add_error(refused.field, refused.message)
        except LimitReached as limit:
            status, headers = 429, {"Retry-After": str(limit.retry_after)}
            form.add_error(None, _("Too many tries. Wait %(n)d seconds, then try again.") % {"n": limit.retry_after})
        else:
            rotate_token(request)
            return response
    page = render(request, template, {"form": form, "next": target}, status=status)
    for name, value in headers.items():
        page.headers[name] = value
    return page


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    response = SeeOther(reverse("better_auth:sign-in"))
    sessions.end(request, response)
    rotate_token(request)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
