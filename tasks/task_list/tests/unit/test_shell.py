"""The list page as a shell: filled, it is the page that the template renders."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import cycle, product
from typing import Any

import pytest
from django.http import HttpResponse
from django.shortcuts import render
from django.test import Client, RequestFactory
from django.utils import translation
from django.utils.safestring import SafeString

from tasks.models import Task
from tasks.task_list import shell
from tasks.task_list.filters import TaskListQuery
from tasks.task_list.pagination import SORTS, Cursor, Page, Row
from tasks.task_list.rows import render_rows
from tasks.task_list.search import Search
from tasks.task_list.tests.pages import link, make_varied, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.preferences import cookie
from todo_site.preferences.models import Preferences

LANGUAGES = ("en", "de")
LOOKS = [
    {"language": language, "theme": theme, "density": density, "shortcuts": shortcuts, "time_zone": zone}
    for language, theme, density, shortcuts, zone in product(
        LANGUAGES, Preferences.Theme.values, Preferences.Density.values, (True, False), ("", "Asia/Tokyo")
    )
]
ADDRESSES = [
    f"/?status={status}&sort={sort}&select={select}&descriptions={descriptions}"
    for status, sort, select, descriptions in product(("pending", "completed", "all"), SORTS, "01", "01")
]
HOSTILE = "zq0token0qz %s %(id)s {rows} \\1 <b>&\"'"


def without_tokens(page: bytes) -> str:
    return re.sub(r'(name="csrfmiddlewaretoken" value=")\w{64}"', r"\1", page.decode())


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Render each filled page once more as it would be without a shell, and compare them."""
    fill, pages = shell.fill_shell, Counter[str]()

    def fill_and_compare(request: Any, context: shell.ListContext) -> bytes:
        filled = fill(request, context)
        rendered = render(request, shell.TEMPLATE, context.for_template())
        assert without_tokens(filled) == without_tokens(rendered.content)
        pages["rows"] += len(titles(filled.decode()))
        pages[request.get_full_path()] += 1
        return filled

    monkeypatch.setattr(shell, "fill_shell", fill_and_compare)
    return pages


def use_look(client: Client, user: User, look: dict[str, Any]) -> None:
    cookie.write(response := HttpResponse(), Preferences(user_id=user.id, **look))
    client.cookies.update(response.cookies)


def follow(client: Client, address: str) -> Iterator[str]:
    """Yield the address of each page: forwards, and one page backwards."""
    while address:
        yield address
        page = client.get(address).text
        if not (following := link(page, "next")) and (previous := link(page, "prev")):
            yield previous
        address = following


@pytest.mark.django_db
def test_is_the_page_that_the_template_renders(sign_in: Callable[[User], Client], compared: Counter[str]) -> None:
    user = make_user(name=HOSTILE, email='o\'hara+"<i>"@example.org')
    make_varied(user, 170)
    make_task(user.id, title=HOSTILE, description=HOSTILE * 9)
    browser, looks = sign_in(user), cycle(LOOKS)
    for start in ADDRESSES:
        for address in list(follow(browser, start)):
            use_look(browser, user, next(looks))
            assert browser.get(address).status_code == 200
    for look in LOOKS:
        use_look(browser, user, look)
        browser.get(f"/?{HOSTILE}")
    assert compared.total() - compared["rows"] > 250
    assert compared["rows"] > 5000


@pytest.mark.django_db
def test_is_not_used_for_messages_searches_and_empty_lists(alice: User, alices: Client, compared: Counter[str]) -> None:
    assert "No tasks yet" in alices.get("/").text
    assert "Added “Milk”" in alices.post("/tasks/new/", {"title": "Milk"}, follow=True).text
    assert titles(alices.get("/?q=milk").text) == ["Milk"]
    assert not compared
    assert "Added “Milk”" not in alices.get("/").text
    assert compared["/"] == 1


@pytest.mark.django_db
def test_shows_nobody_what_another_user_has(alice: User, bob: User, alices: Client, bobs: Client) -> None:
    shell.render_shell_cached.cache_clear()
    Task.objects.for_user(alice.id).bulk_create(Task(user_id=alice.id, title="Hers") for _ in range(60))
    make_task(bob.id, title="His")
    for address in ADDRESSES:
        alices.get(address)
        page = bobs.get(address).text
        assert "Hers" not in page
        assert not any(text in page for text in (alice.name, alice.email, alice.id))
    assert shell.render_shell_cached.cache_info().currsize


def make_page(number: int) -> tuple[Any, shell.ListContext]:
    """Return the request and the content of a page that no database is needed for."""
    language, sort, status = LANGUAGES[number % 2], list(SORTS.values())[number % 4], "pending"
    request: Any = RequestFactory().get("/")
    request.META["CSRF_COOKIE"] = "c" * 32
    request.user = User(id=f"user-{number}", name=f"Person {number}", email=f"{number}@example.org")
    request.preferences = Preferences(language=language, shortcuts=number % 3 == 0)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    row = Row(uuid.UUID(int=number), f"Title {number}", None, status, now)
    query = TaskListQuery(request.user.id, status, Search.parse(""), sort, is_select_mode=number % 5 == 0)
    value = "a title" if sort.field == "title" else now
    following = Cursor("next", sort, value, row.id) if number % 7 else None
    with translation.override(language):
        rows = render_rows([row], query, whole_descriptions=False)
    counts = dict.fromkeys(("pending", "completed", "all"), str(number))
    page = Page([row], None, following)
    context = shell.ListContext(query, None, page, counts, rows, row.id, f"/?n={number}", SafeString(""))
    return request, context


def test_can_be_rendered_by_many_threads_at_once() -> None:
    def fill(number: int) -> str:
        request, context = make_page(number)
        with translation.override(request.preferences.language):
            return without_tokens(shell.fill_shell(request, context))

    numbers = list(range(200))
    expected = [fill(number) for number in numbers]
    for _ in range(5):
        shell.render_shell_cached.cache_clear()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(fill, numbers)) == expected
    assert [titles(page) for page in expected] == [[f"Title {number}"] for number in numbers]


def test_has_a_token_that_the_form_is_accepted_with(alices: Client, alice: User) -> None:
    make_task(alice.id)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    page = strict.get("/").text
    tokens = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    assert len(tokens) == 1
    form = {"title": "Milk", "csrfmiddlewaretoken": tokens.pop()}
    assert strict.post("/tasks/new/", form).status_code == 303
