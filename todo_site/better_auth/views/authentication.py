from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from todo_site.better_auth.backends import get_backend
from todo_site.better_auth.forms import SignInForm, SignUpForm
from todo_site.web.error_views import signed_in_again
from todo_site.web.pending_form import PendingForm
from todo_site.web.redirects import SeeOther, next_url

from .form_actions import Action, copy_status, run_action


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    return auth_form_view(request, SignInForm, "better_auth/sign_in.html", get_backend().sign_in)


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    return auth_form_view(request, SignUpForm, "better_auth/sign_up.html", get_backend().sign_up)


def auth_form_view(request: HttpRequest, form_class: type[forms.Form], template: str, action: Action) -> HttpResponse:
    """Show the form, or run its action and redirect to ``next``."""
    target = next_url(request) or resolve_url(settings.LOGIN_REDIRECT_URL)
    pending_form = PendingForm.from_hidden_fields(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return SeeOther(target)
        return render(request, template, {"form": form_class(), "next": target, "pending_form": None})
    response = run_action(request, form := form_class(request.POST), action, target)
    if response.status_code == 303:
        rotate_token(request)
        if pending_form is None:
            return response
        page = signed_in_again(request, pending_form)  # a redirect would lose the form
        page.cookies = response.cookies
        return page
    page = render(request, template, {"form": form, "next": target, "pending_form": pending_form})
    return copy_status(response, page)


def sign_in_required(request: HttpRequest, pending_form: PendingForm) -> HttpResponse:
    """Return 401 with a sign-in form that keeps the submitted form. SignInRequiredMiddleware calls this."""
    target = pending_form.action if pending_form.lost_file else resolve_url(settings.LOGIN_REDIRECT_URL)
    context = {"form": SignInForm(), "next": target, "pending_form": pending_form}
    return render(request, "better_auth/sign_in.html", context, status=401)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    response = SeeOther(reverse("better_auth:sign-in"))
    get_backend().sign_out(request, response)
    clear_browser(request, response)
    return response


def clear_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Remove the user's data from the browser. The directive "cookies" would also clear those of other sites."""
    request.session.flush()
    rotate_token(request)
    response.delete_cookie(settings.PREFERENCES_COOKIE_NAME)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
