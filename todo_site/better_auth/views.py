from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from todo_site.web.error_views import signed_in_again
from todo_site.web.pending_form import PendingForm
from todo_site.web.rate_limits import RateLimitExceeded
from todo_site.web.redirects import SeeOther, next_url

from . import sessions
from .backends import embedded, remote
from .exceptions import AccountError, AuthServerUnavailable
from .forms import NameForm, PasswordForm, SignInForm, SignUpForm
from .models import Session
from .user_agents import describe_user_agent

logger = logging.getLogger(__name__)

type Action = Callable[..., None]


def get_backend() -> Any:
    """Where accounts are kept: with the Better Auth server, or embedded. Both have the same functions."""
    return remote if settings.BETTER_AUTH_URL else embedded


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
    """Show the form, or go in with what it says: to ``next`` when that works, back to the form when not."""
    target = next_url(request) or reverse("tasks:list")
    pending_form = PendingForm.from_hidden_fields(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return SeeOther(target)
        return render(request, template, {"form": form_class(), "next": target, "pending_form": None})
    response = run_action(request, form := form_class(request.POST), action, target)
    if response.status_code == 303:
        rotate_token(request)
        return with_cookies(response, signed_in_again(request, pending_form)) if pending_form else response
    return with_status_of(
        response, render(request, template, {"form": form, "next": target, "pending_form": pending_form})
    )


def sign_in_required(request: HttpRequest, pending_form: PendingForm) -> HttpResponse:
    """401 for somebody whose session ended while they were typing: the sign-in form, which carries the text along."""
    target = pending_form.action if pending_form.lost_file else reverse("tasks:list")
    context = {"form": SignInForm(), "next": target, "pending_form": pending_form}
    return render(request, "better_auth/sign_in.html", context, status=401)


def run_action(request: HttpRequest, form: forms.Form, action: Action, target: str) -> HttpResponse:
    """Do what a valid form asks for: 303 to ``target``, or an empty 422, 429 or 503 with the reason put on the form."""
    response: HttpResponse = SeeOther(target)
    if not form.is_valid():
        return HttpResponse(status=422)
    try:
        action(request, response, **form.cleaned_data)
    except AccountError as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        response = HttpResponse(status=422)
    except RateLimitExceeded as limit:
        wait = limit.retry_after
        words = ngettext("Too many tries. Wait %(n)d second.", "Too many tries. Wait %(n)d seconds.", wait)
        form.add_error(None, words % {"n": wait})
        response = HttpResponse(status=429, headers={"Retry-After": str(wait)})
    except AuthServerUnavailable as error:
        logger.error("Better Auth server: %s", error, extra={"request": request})  # noqa: TRY400  expected, no trace
        form.add_error(None, _("The accounts cannot be reached at this moment. Try again in a little while."))
        response = HttpResponse(status=503, headers={"Retry-After": str(error.retry_after)})
    return response


def with_cookies(answer: HttpResponse, page: HttpResponse) -> HttpResponse:
    """The page in the answer's place: no redirect could bring the text along."""
    page.cookies = answer.cookies
    return page


def with_status_of(answer: HttpResponse, page: HttpResponse) -> HttpResponse:
    """The page, with the status and the waiting time of the answer."""
    page.status_code = answer.status_code
    if "Retry-After" in answer.headers:
        page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    response = SeeOther(reverse("better_auth:sign-in"))
    get_backend().sign_out(request, response)
    clear_browser(request, response)
    return response


def clear_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Leave nothing in the browser of somebody who goes. Cookies are not cleared: ours are expired, one by one."""
    request.session.flush()
    rotate_token(request)
    response.delete_cookie(settings.PREFERENCES_COOKIE_NAME)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return account_page(request)
    form = NameForm(request.POST)
    response = run_action(request, form, get_backend().change_name, reverse("better_auth:account"))
    if response.status_code == 303:
        messages.success(request, _("Your name is changed."))
        return response
    return with_status_of(response, account_page(request, name_form=form))


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST)
    response = run_action(request, form, get_backend().change_password, reverse("better_auth:account"))
    if response.status_code == 303:
        messages.success(request, _("Your password is changed."))
        return response
    return with_status_of(response, account_page(request, password_form=form))


def account_page(
    request: HttpRequest, name_form: forms.Form | None = None, password_form: forms.Form | None = None
) -> HttpResponse:
    context = {
        "name_form": name_form or NameForm(initial={"name": getattr(request.user, "name", "")}),
        "password_form": password_form or PasswordForm(),
    }
    return render(request, "better_auth/account.html", context)


@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    own = Session.objects.live().filter(user=request.user.pk).order_by("-updated_at")
    rows = [(session, describe_user_agent(session.user_agent)) for session in own]
    context = {"sessions": rows, "current": sessions.current(request)}
    return render(request, "better_auth/sessions.html", context)


@require_POST
def revoke_sessions(request: HttpRequest) -> HttpResponse:
    """End one of one's own sessions, by its id, or all but this one."""
    own = Session.objects.filter(user=request.user.pk)
    wanted = request.POST.get("session", "")
    others = own.exclude(pk=sessions.current(request))
    ended, _by_model = (others if wanted == "others" else own.filter(pk=wanted)).delete()
    messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return SeeOther(reverse("better_auth:sessions"))
