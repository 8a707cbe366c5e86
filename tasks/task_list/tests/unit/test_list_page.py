"""The page of the task list."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import urljoin

import pytest
from django.test import Client

from tasks.task_list.tests.pages import link, make_varied, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


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
    for address, labels in (("/?status=all", ["Complete", "Edit"]), ("/?select=1", [])):
        (row,) = re.findall(r'<li class="task".*?</li>', alices.get(address).text, re.DOTALL)
        assert re.findall(r'aria-label="(.*?)"', row) == [f"{verb} “{escape(text)}”" for verb in labels]
        assert titles(row) == re.findall(r'<p class="excerpt" dir="auto">(.*?)</p>', row) == [escape(text)]
        assert "<b>" not in row


def test_links_each_row_to_its_task(alice: User, alices: Client) -> None:
    path = f"/tasks/{make_task(alice.id).id}/"
    (row,) = re.findall(r'<li class="task".*?</li>', alices.get("/").text, re.DOTALL)
    links = [urljoin("/?status=all", found) for found in re.findall(r'(?:href|formaction)="(.*?)"', row)]
    assert links == [f"{path}status/?row=1", path, f"{path}edit/"]


def test_says_which_tasks_are_completed_where_both_kinds_are_shown(alice: User, alices: Client) -> None:
    make_task(alice.id, title="Milk", status="completed")
    badge = '<span class="badge">Completed</span>'
    assert badge in alices.get("/?status=all").text
    assert badge in alices.get("/?status=all&select=1").text
    assert badge not in alices.get("/?status=completed").text


def test_has_a_box_in_each_row_in_select_mode_only(alice: User, alices: Client) -> None:
    ids = {str(make_task(alice.id).id) for _ in range(2)}
    box, ring = r'<input type="checkbox" name="task" value="([^"]+)">', 'name="status" value="completed"'
    normal, select_mode = alices.get("/").text, alices.get("/?select=1").text
    assert set(re.findall(box, select_mode)) == ids
    assert ring not in select_mode
    assert 'action="/tasks/bulk/"' in select_mode
    assert re.findall(box, normal) == []
    assert normal.count(ring) == len(ids)
    assert 'action="/tasks/bulk/"' not in normal


def test_stays_at_its_page_when_select_mode_begins_and_ends(alice: User, alices: Client) -> None:
    make_varied(alice, 200)
    address = link(alices.get("/?status=all&sort=title").text, "next")
    shown = titles(alices.get(address).text)
    for label in ("Select", "Cancel"):
        (found,) = re.findall(rf'<a href="([^"]*)">{label}</a>', alices.get(address).text)
        address = "/" + unescape(found)
        assert titles(alices.get(address).text) == shown
    assert "select" not in address
    assert "select=1" in link(alices.get(f"{address}&select=1").text, "next")


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


def test_prints_the_list_with_whole_descriptions_if_they_are_asked_for(alice: User, alices: Client) -> None:
    make_task(alice.id, title="Milk", description="long " * 100)
    text = ("long " * 100).strip()
    assert text not in alices.get("/").text
    assert text in alices.get("/?descriptions=1").text
