from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import pytest
from django.test import Client

from tasks.models import Task
from tasks.task_list.pagination import PAGE_SIZE
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def make_tasks(user: User, count: int) -> None:
    Task.objects.for_user(user.id).bulk_create(Task(user_id=user.id, title=f"Number {n}.") for n in range(count))


def titles(html: str) -> list[str]:
    return re.findall(r'class="title" href="[^"]+"><bdi>(.*?)</bdi>', html)


def test_shows_pending_tasks_first_and_the_others_on_request(alice: User, alices: Client) -> None:
    make_task(alice.id, title="Milk")
    make_task(alice.id, title="Bread", status="completed")
    assert titles(alices.get("/").text) == ["Milk"]
    assert titles(alices.get("/?status=completed").text) == ["Bread"]
    assert titles(alices.get("/?status=all").text) == ["Bread", "Milk"]


def test_counts_only_the_users_own_tasks(alice: User, bob: User, alices: Client) -> None:
    make_task(alice.id)
    for _ in range(3):
        make_task(bob.id)
    html = alices.get("/").text
    assert "<title>Pending (1) - To-do</title>" in html
    assert '<span class="count">3</span>' not in html


@pytest.mark.parametrize("text", ["<b>&\"'</b>", "{id} {title} {text} {0} {} {", "%s %(title)s", "&lt;{time}"])
def test_shows_a_task_as_it_was_typed_at_each_place_of_its_row(alice: User, alices: Client, text: str) -> None:
    make_task(alice.id, title=text, description=text)
    html = alices.get("/?status=all").text
    (row,) = re.findall(r'<li class="task".*?</li>', html, re.DOTALL)
    assert re.findall(r'aria-label="(.*?)"', row) == [
        f"{verb} “{escape(text)}”" for verb in ("Complete", "Edit", "Select")
    ]
    assert titles(row) == re.findall(r'<p class="excerpt" dir="auto">(.*?)</p>', row) == [escape(text)]
    assert "<b>" not in row


def test_shows_nothing_of_anybody_else(alice: User, bob: User, alices: Client, bobs: Client) -> None:
    make_task(alice.id, title="Alice's secret")
    for path in ("/", "/?status=all", "/?status=completed"):
        assert "secret" not in bobs.get(path).text


@pytest.mark.parametrize(
    "query",
    [
        "status=%00",
        "status[]=x",
        "status=archived",
        "cursor=x",
        "cursor=next-newest-99999999999999999-" + "f" * 32,
        "cursor=next-newest-1-%00",
        "cursor=next-newest-1-" + "g" * 32,
    ],
)
def test_falls_back_when_the_address_makes_no_sense(alice: User, alices: Client, query: str) -> None:
    make_task(alice.id, title="Milk")
    response = alices.get(f"/?{query}")
    assert response.status_code == 200
    assert titles(response.text) == ["Milk"]


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


def link(html: str, rel: str) -> str:
    _, found, rest = html.partition(f'rel="{rel}" href="')
    return "/" + rest.split('"')[0].replace("&amp;", "&") if found else ""


def test_pages_correctly_while_tasks_come_and_go(alice: User, alices: Client) -> None:
    make_tasks(alice, PAGE_SIZE + 10)
    first = alices.get("/").text
    make_tasks(alice, 3)
    Task.objects.for_user(alice.id).filter(title__in=titles(first)[:5]).delete()
    second = titles(alices.get(link(first, "next")).text)
    assert len(second) == 10
    assert not set(second) & set(titles(first))


@pytest.mark.parametrize(
    ("make", "path", "words"),
    [
        ([], "/", "No tasks yet"),
        (["completed"], "/", "All done"),
        (["pending"], "/?status=completed", "Completed tasks appear here"),
    ],
)
def test_says_why_it_is_empty(alice: User, alices: Client, make: list[str], path: str, words: str) -> None:
    for status in make:
        make_task(alice.id, status=status)
    assert words in alices.get(path).text


def test_sends_people_without_a_session_to_sign_in(client: Client, sign_in: Callable[[User], Client]) -> None:
    response = client.get("/?status=all")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/%3Fstatus%3Dall"


def test_is_kept_by_no_cache(alices: Client) -> None:
    headers = alices.get("/").headers
    assert headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in headers["Vary"]
