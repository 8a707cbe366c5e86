"""Keyset pagination: pages in every order, and the cursors in their URLs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from tasks.models import Task
from tasks.task_list.pagination import EPOCH, PAGE_SIZE, SORTS, Cursor
from tasks.task_list.tests.pages import link, make_varied, page, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db
EXPECTED: dict[str, Callable[[Task], tuple[object, ...]]] = {
    "newest": lambda task: (task.created_at, task.id),
    "oldest": lambda task: (task.created_at, task.id),
    "changed": lambda task: (task.updated_at, task.id),
    "title": lambda task: (task.title.lower(), task.id),
}


def ids(html: str) -> list[str]:
    return re.findall(r'id="task-([0-9a-f-]{36})"', html)


def follow_pages(client: Client, address: str, rel: str) -> tuple[list[list[str]], str]:
    """The ids on each page from this one on, and the address of the last."""
    pages, last = [], ""
    while address:
        html = client.get(address).text
        pages.append(ids(html))
        last, address = address, link(html, rel)
    return pages, last


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("status", ["all", "pending"])
def test_pages_through_each_order_forwards_and_backwards(
    alice: User, alices: Client, bob: User, sort: str, status: str
) -> None:
    make_varied(alice, 190)
    make_varied(bob, 60)
    tasks = Task.objects.for_user(alice.id)
    wanted = sorted(tasks if status == "all" else tasks.pending(), key=EXPECTED[sort])
    if sort in ("newest", "changed"):
        wanted.reverse()
    forth, last = follow_pages(alices, f"/?status={status}&sort={sort}&q=ask", "next")
    assert [row for rows in forth for row in rows] == [str(task.id) for task in wanted]
    assert parse_qs(urlsplit(last).query)["q"] == ["ask"]
    back, _first = follow_pages(alices, last, "prev")
    assert back[::-1] == forth


@pytest.mark.parametrize("sort", SORTS)
def test_pages_on_while_tasks_come_and_go(alice: User, alices: Client, sort: str) -> None:
    make_varied(alice, 170)
    tasks = Task.objects.for_user(alice.id)
    everything = {str(task.id) for task in tasks}
    first = page(alices, status="all", sort=sort)
    tasks.filter(pk__in=ids(first)[10:]).delete()  # with the row that the cursor names
    make_varied(alice, 20)
    second = alices.get(link(first, "next")).text
    rest, _last = follow_pages(alices, link(first, "next"), "next")
    seen = [row for rows in rest for row in rows]
    assert len(seen) == len(set(seen))
    assert everything - set(ids(first)) <= set(seen)
    assert not set(ids(first)) & set(seen)
    tasks.filter(pk__in=ids(second)).delete()
    before = alices.get(link(second, "prev")).text
    assert set(ids(first)[:10]) <= set(ids(before))


def test_shows_the_first_page_when_all_beyond_the_cursor_is_gone(alice: User, alices: Client) -> None:
    make_varied(alice, 60)
    following = link(page(alices, status="all"), "next")
    Task.objects.for_user(alice.id).filter(pk__in=ids(alices.get(following).text)).delete()
    assert len(ids(alices.get(following).text)) == PAGE_SIZE


def test_orders_titles_whatever_their_case(alice: User, alices: Client) -> None:
    for title in ("banana", "Apple", "cherry", "apple pie", "Zebra"):
        make_task(alice.id, title=title)
    assert titles(page(alices, sort="title")) == ["Apple", "apple pie", "banana", "cherry", "Zebra"]


def test_puts_no_title_into_an_address(alice: User, alices: Client) -> None:
    tasks = Task.objects.for_user(alice.id)
    tasks.bulk_create(Task(user_id=alice.id, title=f"{'🔒' * 250}{n}") for n in range(PAGE_SIZE + 1))
    html = page(alices, sort="title", q="🔒" * 200)
    address = link(html, "next")
    assert len(address) < 4000  # the server takes lines of 4,094
    assert quote("🔒") not in parse_qs(urlsplit(address).query)["cursor"][0]
    assert len(titles(alices.get(address).text)) == 1


def a_cursor(sort: str, value: datetime | str, owner: str = "alice") -> str:
    return Cursor("next", SORTS[sort], value, uuid.UUID(int=1)).serialize(owner)


TIME = datetime(2030, 1, 1, tzinfo=UTC)


def test_reads_back_the_cursors_that_it_writes() -> None:
    for sort, value in (
        ("newest", TIME),
        ("oldest", EPOCH - timedelta(days=9)),
        ("title", "Zoë"),
        ("title", "x" * 255),
    ):
        cursor = Cursor.parse(a_cursor(sort, value), SORTS[sort], "alice")
        assert cursor == Cursor("next", SORTS[sort], value, uuid.UUID(int=1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "x" * 5000,
        a_cursor("oldest", TIME),  # of another order
        a_cursor("newest", TIME) + "0",
        a_cursor("newest", TIME).upper(),
        a_cursor("newest", TIME).replace("next", "sideways"),
        a_cursor("newest", TIME).replace("-1893456000000000-", "-99999999999999999-"),
        a_cursor("newest", TIME).replace("-1893456000000000-", "-٣-"),
        a_cursor("newest", TIME).replace("-1893456000000000-", "---"),
        a_cursor("newest", TIME).replace("-1893456000000000-", f"-{'A' * 24}-"),
    ],
)
def test_takes_no_other_cursor(alice: User, alices: Client, text: str) -> None:
    assert Cursor.parse(text, SORTS["newest"], alice.id) is None
    make_task(alice.id, title="Milk")
    assert titles(page(alices, cursor=text)) == ["Milk"]


@pytest.mark.parametrize("value", ["0", "-5", "A" * 24, "A" * 27, "=" * 24, "A" * 1384, "é" * 24])
def test_takes_no_title_that_it_has_not_sealed(alice: User, alices: Client, value: str) -> None:
    make_task(alice.id, title="Milk")
    cursor = f"next-title-{value}-{'0' * 32}"
    assert Cursor.parse(cursor, SORTS["title"], alice.id) is None
    assert titles(page(alices, sort="title", cursor=cursor)) == ["Milk"]
    assert Cursor.parse(a_cursor("title", "Aaa", "bob"), SORTS["title"], alice.id) is None


def make_tasks(user: User, count: int) -> None:
    Task.objects.for_user(user.id).bulk_create(Task(user_id=user.id, title=f"Number {n}.") for n in range(count))


def test_pages_forth_and_back_without_losing_or_repeating_a_task(alice: User, alices: Client) -> None:
    make_tasks(alice, 2 * PAGE_SIZE + 5)
    forth, address = [], "/"
    addresses = []
    while address:
        html = alices.get(address).text
        addresses.append(address)
        forth.append(titles(html))
        address = link(html, "next")
    assert [len(page) for page in forth] == [PAGE_SIZE, PAGE_SIZE, 5]
    assert len({title for page in forth for title in page}) == 2 * PAGE_SIZE + 5
    back = []
    address = addresses[-1]
    while address:
        html = alices.get(address).text
        back.append(titles(html))
        address = link(html, "prev")
    assert back[::-1] == forth


def test_pages_correctly_while_tasks_come_and_go(alice: User, alices: Client) -> None:
    make_tasks(alice, PAGE_SIZE + 10)
    first = alices.get("/").text
    make_tasks(alice, 3)
    Task.objects.for_user(alice.id).filter(title__in=titles(first)[:5]).delete()
    second = titles(alices.get(link(first, "next")).text)
    assert len(second) == 10
    assert not set(second) & set(titles(first))
