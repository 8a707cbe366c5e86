"""Request every page of the running site as one of two test accounts, and report data of the other account.

The requests are real HTTP requests: they also test the proxy, the connection pooler and all workers.
"""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import urllib3
from django.apps import apps
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.fields import random_token
from todo_site.better_auth.models import Session, User
from todo_site.ownership.registry import owned_models

SESSION_LIFETIME = timedelta(minutes=10)
# Namespaces without owned rows, or for staff only.
SKIPPED_NAMESPACES = {"admin", "better_auth"}
# Seeded texts, ids and hashes contain such a value. Other values may also stand on the pages of other accounts.
RANDOM_VALUE = re.compile("[0-9a-f]{32,}")


class CanaryError(Exception):
    """Raised when a page fails or does not show the account's own rows: without them a leak could go unnoticed."""


class CanaryPages(Protocol):
    """What an app declares about its pages: an instance is the attribute ``canary_pages`` of its AppConfig."""

    def list_paths(self) -> list[str]:
        """Return paths with query strings, which cannot be read from the URLconf."""

    def paths_with_own_rows(self) -> list[str]:
        """Return the paths that always show rows of a seeded account."""

    def seed(self, user_id: str, post: Callable[[str, dict[str, str]], None]) -> None:
        """Create a row of each kind that the account lacks. ``post`` sends a form to a path."""

    def ids(self, user_id: str) -> list[uuid.UUID]:
        """Return ids of the user's rows, for routes with a parameter."""

    def shows_own_count(self, user_id: str, path: str, page: str) -> bool:
        """Return whether the number of rows on the page of a list path is the user's own."""


@dataclass(frozen=True)
class Page:
    status: int
    text: str


class CanaryAccount:
    """A test account. It is signed in at ``site`` (an origin) inside a ``with`` block."""

    def __init__(self, number: int, site: str) -> None:
        self.site = site
        self.home = resolve_url(settings.LOGIN_REDIRECT_URL)
        self.pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=30))
        self.user = get_or_create_user(f"canary-{number}@canary.invalid", f"Canary {number}")

    def __enter__(self) -> CanaryAccount:
        now = timezone.now()
        times = {"created_at": now, "updated_at": now, "expires_at": now + SESSION_LIFETIME}
        new_id: Any = Session._meta.get_field("id")
        self.session = Session.objects.create(id=new_id.generate(), token=random_token(), user=self.user, **times)
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.delete()
        self.pool.clear()

    def get(self, path: str) -> Page:
        return self._request("GET", path, self._session_cookie())

    def post(self, path: str, form: dict[str, str]) -> None:
        """Send a form. Raise CanaryError unless it is accepted."""
        cookies = self._session_cookie()
        token, cookies["csrftoken"] = self._get_csrf_token(cookies)
        page = self._request("POST", path, cookies, urlencode(form | {"csrfmiddlewaretoken": token}))
        if page.status != 303:
            raise CanaryError(f"{path} answered {page.status}")

    def row_markers(self) -> set[str]:
        """Return values of the account's rows that no other account may be shown."""
        found: set[str] = set()
        for model in owned_models():
            rows: Iterable[tuple[Any, ...]] = model.objects.for_user(self.user.id).values_list()
            for row in rows:
                found.update(str(value) for value in row if isinstance(value, uuid.UUID))
                found.update(*(RANDOM_VALUE.findall(str(value)) for value in row))
        return found

    def _session_cookie(self) -> dict[str, str]:
        secure = urlsplit(settings.BETTER_AUTH_URL or self.site).scheme == "https"
        return {signed_cookies.add_prefix("session_token", secure=secure): signed_cookies.sign(self.session.token)}

    def _get_csrf_token(self, cookies: dict[str, str]) -> tuple[str, str]:
        """Return the token of a form on the home page, and its cookie."""
        response = self._send("GET", self.home, cookies)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.data.decode(errors="replace"))
        cookie = re.search(r"csrftoken=([^;]+)", response.headers.get("Set-Cookie", ""))
        if not (response.status == 200 and token and cookie):
            raise CanaryError(f"{self.home} answered {response.status}")
        return token[1], cookie[1]

    def _request(self, method: str, path: str, cookies: dict[str, str], body: str | None = None) -> Page:
        response = self._send(method, path, cookies, body)
        return Page(response.status, html.unescape(response.data.decode(errors="replace")))

    def _send(
        self, method: str, path: str, cookies: dict[str, str], body: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        headers = {
            "Accept-Language": "en",
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.site}/"}
        return self.pool.request(method, self.site + path, headers=headers, body=body, redirect=False)


def get_or_create_user(email: str, name: str) -> User:
    """Return an account without a password: nobody can sign in to it."""
    now = timezone.now()
    new_id: Any = User._meta.get_field("id")
    values = {"id": new_id.generate(), "name": name, "email_verified": False, "created_at": now, "updated_at": now}
    user, _is_new = User.objects.get_or_create(email=email, defaults=values)
    return user


def registered_pages() -> list[CanaryPages]:
    return [config.canary_pages for config in apps.get_app_configs() if hasattr(config, "canary_pages")]


def iter_routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    """Yield the routes of the URLconf that need a signed-in user."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            if getattr(pattern.callback, "login_required", True):
                yield prefix + str(pattern.pattern)
        elif pattern.namespace not in SKIPPED_NAMESPACES:
            yield from iter_routes(pattern, prefix + str(pattern.pattern))


def find_leaks(site: str) -> list[str]:
    """Return the routes that showed one account something of the other. Raise CanaryError if a page fails."""
    with CanaryAccount(1, site) as first, CanaryAccount(2, site) as second:
        for account in (first, second):
            for pages in registered_pages():
                pages.seed(account.user.id, account.post)
        return sorted({*leaks_to(first, second), *leaks_to(second, first)})


def leaks_to(viewer: CanaryAccount, other: CanaryAccount) -> Iterator[str]:
    """Yield the routes that show the viewer something of the other account."""
    own, foreign = viewer.row_markers(), other.row_markers() | {other.user.id, other.user.email}
    routes = list(iter_routes())
    list_paths = {path: pages for pages in registered_pages() for path in pages.list_paths()}
    with_own_rows = {path for pages in registered_pages() for path in pages.paths_with_own_rows()}
    for path in [*list_paths, *(route for route in routes if "<" not in route)]:
        page = viewer.get(path)
        if page.status >= 500:
            raise CanaryError(f"{path} answered {page.status}")
        if any(marker in page.text for marker in foreign):
            yield path
        if path in with_own_rows and not any(marker in page.text for marker in own):
            raise CanaryError(f"{path} shows nothing")
        if path in list_paths and not list_paths[path].shows_own_count(viewer.user.id, path, page.text):
            yield f"{path} (its count)"
    foreign_ids = [row_id for pages in registered_pages() for row_id in pages.ids(other.user.id)]
    for route in (route for route in routes if "<" in route):
        for row_id in foreign_ids:
            page = viewer.get(re.sub("<[^>]+>", str(row_id), route))
            if page.status not in {404, 405} or any(marker in page.text for marker in foreign - {str(row_id)}):
                yield route
