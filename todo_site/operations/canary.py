"""Two accounts that live on the site to be looked at: neither may ever be shown anything of the other's.

Every route of the URLconf is asked for over real HTTP, as a browser would, so that whatever stands between a person and
the rows is tried as well: the proxy, the pooler, all workers and both walls.
"""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from tasks.models import Task
from todo_site.better_auth import signed_cookies
from todo_site.better_auth.fields import random_token
from todo_site.better_auth.models import Session, User
from todo_site.journal.models import JournalEntry

LIFETIME = timedelta(minutes=10)
WORD = "canary"  # in the title of all their tasks, so that a search for it would find the other's
# Views of the list that no route of their own has.
LISTS = [
    f"/?status={status}&sort={sort}&q={q}"
    for status in ("pending", "completed", "all")
    for sort in ("newest", "title")
    for q in ("", WORD)
]
# Rooms without anybody's tasks, or only for staff.
LEFT_OUT = {"admin", "better_auth"}


class CanaryError(Exception):
    """The canary cannot see: a page is not what it has to be for a finding to mean anything."""


@dataclass(frozen=True)
class Page:
    status: int
    text: str


class Canary:
    """One of the two accounts, signed in at ``site`` (an origin) while a ``with`` lasts."""

    def __init__(self, number: int, site: str) -> None:
        self.site = site
        self.pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=30))
        self.user = account(f"canary-{number}@canary.invalid", f"Canary {number}")

    def __enter__(self) -> Canary:
        now = timezone.now()
        times = {"created_at": now, "updated_at": now, "expires_at": now + LIFETIME}
        new_id: Any = Session._meta.get_field("id")
        self.session = Session.objects.create(id=new_id.generate(), token=random_token(), user=self.user, **times)
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.delete()
        self.pool.clear()

    def ask(self, path: str, form: dict[str, str] | None = None) -> Page:
        """GET a page, or POST a form with the token of the list page."""
        secure = urlsplit(settings.BETTER_AUTH_URL or self.site).scheme == "https"
        jar = {signed_cookies.add_prefix("session_token", secure=secure): signed_cookies.sign(self.session.token)}
        headers = {"Accept-Language": "en"}
        body = None
        if form is not None:
            page, jar["csrftoken"] = self.with_token(headers | {"Cookie": as_header(jar)})
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.site}/"}
            body = urlencode(form | {"csrfmiddlewaretoken": page})
        method = "GET" if body is None else "POST"
        headers["Cookie"] = as_header(jar)
        answer = self.pool.request(method, self.site + path, headers=headers, body=body, redirect=False)
        return Page(answer.status, html.unescape(answer.data.decode(errors="replace")))

    def with_token(self, headers: dict[str, str]) -> tuple[str, str]:
        """The token of the form on the list page, and its cookie."""
        answer = self.pool.request("GET", f"{self.site}/", headers=headers, redirect=False)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.data.decode(errors="replace"))
        cookie = re.search(r"csrftoken=([^;]+)", answer.headers.get("Set-Cookie", ""))
        if not (answer.status == 200 and token and cookie):
            raise CanaryError(f"/ answered {answer.status}")
        return token[1], cookie[1]

    def seed(self) -> None:
        """See to it that there is a task of each kind: pending, completed, and in the trash."""
        while len(missing := {"pending", "completed", "trash"} - self.entry_kinds()):
            task = str(uuid.uuid4())
            self.post(
                "/tasks/new/", {"id": task, "title": f"{WORD} {uuid.uuid4().hex}", "description": uuid.uuid4().hex}
            )
            if "completed" in missing:
                self.post(f"/tasks/{task}/status/", {"status": "completed"})
            elif "trash" in missing:
                self.post(f"/tasks/{task}/delete/", {})

    def post(self, path: str, form: dict[str, str]) -> None:
        if (page := self.ask(path, form)).status != 303:
            raise CanaryError(f"{path} answered {page.status}")

    def entry_kinds(self) -> set[str]:
        tasks = Task.objects.for_user(self.user.id)
        in_trash = JournalEntry.objects.for_user(self.user.id).in_trash().exists()
        return set(tasks.values_list("status", flat=True)) | ({"trash"} if in_trash else set())

    def markers(self) -> set[str]:
        """What only this account may be shown."""
        tasks = Task.objects.for_user(self.user.id).values_list("id", "title", "description")
        events = JournalEntry.objects.for_user(self.user.id).values_list("id", "hash")
        own = {self.user.id, self.user.email, *(str(value) for row in tasks for value in row if value)}
        return own | {str(value) for row in events for value in row}

    def ids(self) -> list[uuid.UUID]:
        """Of a task, of a task in the trash, and of an entry of the journal."""
        tasks = Task.objects.for_user(self.user.id).values_list("id", flat=True)[:2]
        events = [*JournalEntry.objects.for_user(self.user.id).in_trash()[:1]]
        return [*tasks, *(event.task_id for event in events if event.task_id), *(event.id for event in events)]


def account(email: str, name: str) -> User:
    """An account without a password: nobody signs in to it."""
    now = timezone.now()
    new_id: Any = User._meta.get_field("id")
    values = {"id": new_id.generate(), "name": name, "email_verified": False, "created_at": now, "updated_at": now}
    user, _is_new = User.objects.get_or_create(email=email, defaults=values)
    return user


def as_header(jar: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items())


def routes(room: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """All routes of the site that a person may have tasks behind, as in the URLconf."""
    for pattern in (room or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            if getattr(pattern.callback, "login_required", True):
                yield before + str(pattern.pattern)
        elif pattern.namespace not in LEFT_OUT:
            yield from routes(pattern, before + str(pattern.pattern))


def find(one: Canary, other: Canary) -> list[str]:
    """The routes that showed ``one`` something of the other's. Raises CanaryError where its own is not shown."""
    foreign, own = other.markers(), one.markers()
    found = []
    for path in [*LISTS, *(route for route in routes() if "<" not in route)]:
        page = one.ask(path)
        if page.status >= 500:
            raise CanaryError(f"{path} answered {page.status}")
        if any(marker in page.text for marker in foreign):
            found.append(path)
        if path in (LISTS[0], "/export/tasks.json", "/history/", "/trash/") and not any(m in page.text for m in own):
            raise CanaryError(f"{path} shows nothing")
        if path in LISTS and not count_is_own(one, path, page):
            found.append(f"{path} (its count)")
    for route in (route for route in routes() if "<" in route):
        for key in other.ids():
            page = one.ask(re.sub("<[^>]+>", str(key), route))
            if page.status not in {404, 405} or any(marker in page.text for marker in foreign - {str(key)}):
                found.append(route)
    return found


def count_is_own(one: Canary, path: str, page: Page) -> bool:
    """Whether the number in the title of a list is that of one's own tasks."""
    tasks = Task.objects.for_user(one.user.id)
    status = re.search(r"status=(\w+)", path)
    if status and status[1] != "all":
        tasks = tasks.filter(status=status[1])
    return f"({tasks.count()})" in page.text.partition("</title>")[0]
