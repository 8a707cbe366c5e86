"""Filters and orders of the task list, and the page without a result."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tasks.models import Task
from tasks.task_list.pagination import PAGE_SIZE
from tasks.task_list.tests.pages import make_varied, page, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sort", ["", "\0", "Title", "-title", "user_id", "newest,title", "x" * 1000])
def test_falls_back_to_the_newest_first(alice: User, alices: Client, sort: str) -> None:
    for title in ("A", "C", "B"):
        make_task(alice.id, title=title)
    assert titles(page(alices, sort=sort)) == ["B", "C", "A"]


def test_keeps_search_order_and_filter_in_every_link(alice: User, alices: Client) -> None:
    make_varied(alice, 2 * PAGE_SIZE)
    html = page(alices, q="task & Co ask", status="all", sort="changed")
    assert "No results for" in html
    html = page(alices, q="a&s  TASK", status="all", sort="changed")
    Task.objects.for_user(alice.id).update(title="task a&s")
    html = page(alices, q="a&s  TASK", status="all", sort="changed")
    following = html.split('<main id="main"')[1]
    links = [parse_qs(urlsplit(unescape(href)).query) for href in re.findall(r'href="(\?[^"]+)"', following)]
    clear = [query for query in links if "q" not in query]
    assert clear == [{"status": ["all"], "sort": ["changed"]}]
    rest = [query for query in links if query not in clear]
    assert len(rest) == 3 + 4 + 1 + 1  # filters, orders, select mode, next page
    assert all(query["q"] == ["a&s TASK"] for query in rest)
    assert [query["status"][0] for query in rest] == ["pending", "completed", *["all"] * 7]
    assert [query.get("sort") for query in rest].count(["changed"]) == 3 + 1 + 1 + 1
    hidden = dict(re.findall(r'<input type="hidden" name="(status|sort)" value="(.*?)">', html))
    assert hidden == {"status": "all", "sort": "changed"}


@pytest.mark.parametrize(
    ("made", "query", "words"),
    [
        ("", {}, "No tasks yet"),
        ("", {"q": "milk"}, "No results for “milk”"),
        ("completed", {}, "All done"),
        ("pending", {"status": "completed"}, "Completed tasks appear here."),
        ("pending", {"q": "milk"}, "No results for “milk”"),
        ("completed", {"q": "task"}, "Search all tasks"),
        ("pending", {"q": "<b>"}, "No results for “&lt;b&gt;”"),
    ],
)
def test_says_why_nothing_is_shown(alice: User, alices: Client, made: str, query: dict[str, str], words: str) -> None:
    if made:
        make_task(alice.id, status=made)
    html = page(alices, **query)
    assert words in html
    assert len(re.findall("<h2>", html)) == 1
    assert ("Clear search" in html) == ("q" in query)
