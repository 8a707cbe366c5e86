"""Accounts in Better Auth's own tables, without its server.

A Better Auth server that is started later on the same database accepts these rows.
"""

from __future__ import annotations

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from todo_site.better_auth import sessions
from todo_site.better_auth.exceptions import AccountError
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.passwords import hash_password, verify_password
from todo_site.better_auth.rate_limits import BY_ACCOUNT, BY_ADDRESS
from todo_site.web.client_address import get_client_address
from todo_site.web.rate_limits import network_prefix

from .reauthentication import require_new_session


def sign_up(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, name: str) -> None:
    address = get_client_address(request)
    BY_ADDRESS.check(network_prefix(address))
    try:
        user = User.objects.create_user(email, password, name)
    except IntegrityError:
        raise AccountError(
            _("An account with this e-mail address already exists. Sign in instead."), field="email"
        ) from None
    sessions.start(request, response, user, address, remember=True)


def sign_in(request: HttpRequest, response: HttpResponseBase, *, email: str, password: str, remember_me: bool) -> None:
    address = get_client_address(request)
    BY_ADDRESS.check(network_prefix(address))
    BY_ACCOUNT.check(email)
    account = Account.objects.filter(provider_id="credential", user__email=email).first()
    if not verify_password(password, account.password if account else None) or account is None:
        raise AccountError(_("Wrong e-mail address or password."))
    if (user := sessions.find_user_by_id(account.user_id)) is None:
        raise AccountError(_("This account is blocked. Contact the site operator."))
    BY_ACCOUNT.forget(email)
    sessions.start(request, response, user, address, remember=remember_me)


def sign_out(request: HttpRequest, response: HttpResponseBase) -> None:
    sessions.end(request, response)


def confirm(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    if current_password is None:
        require_new_session(request)
        return
    user_id = str(request.user.pk)
    BY_ACCOUNT.check(user_id)
    account = Account.objects.filter(provider_id="credential", user=user_id).first()
    if not verify_password(current_password, account.password if account else None):
        raise AccountError(_("Wrong password."), field="current_password")
    BY_ACCOUNT.forget(user_id)


def delete_account(request: HttpRequest, response: HttpResponseBase, *, current_password: str | None = None) -> None:
    confirm(request, response, current_password=current_password)
    User.objects.filter(pk=request.user.pk).delete()
    sessions.end(request, response)


def change_password(
    request: HttpRequest, response: HttpResponseBase, *, current_password: str, new_password: str
) -> None:
    confirm(request, response, current_password=current_password)
    user_id = str(request.user.pk)
    accounts = Account.objects.filter(provider_id="credential", user=user_id)
    accounts.update(password=hash_password(new_password), updated_at=timezone.now())
    Session.objects.filter(user=user_id).exclude(pk=sessions.get_current_id(request)).delete()


def change_name(request: HttpRequest, response: HttpResponseBase, *, name: str) -> None:
    User.objects.filter(pk=request.user.pk).update(name=name, updated_at=timezone.now())
