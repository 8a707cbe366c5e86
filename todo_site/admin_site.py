from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from todo_site.better_auth.views import sign_out


class TodoAdminSite(AdminSite):
    """The admin behind the site's own sign-in: staff are people with an account here."""

    site_header = site_title = _("To-do: staff")
    index_title = _("Who uses the site")
    login_url = "better_auth:sign-in"

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        target = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(target, reverse(self.login_url))

    def get_urls(self) -> list[Any]:
        # "View on site" knows no owner; and no page of the site is anybody's but its owner's.
        return [path("r/<path:anything>", self.admin_view(self.not_here)), *super().get_urls()]

    def not_here(self, request: HttpRequest, anything: str) -> HttpResponse:
        raise Http404

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return sign_out(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404  # passwords are Better Auth's

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404
