"""Finding a task again on the list: by words, in an order, page by page."""

from __future__ import annotations

import re
import sys
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from tasks.task_list.pagination import EPOCH, PAGE_SIZE, SORTS, Cursor
from tasks.task_list.search import CaseAccentFold, fold
from tasks.task_list.tests.unit.test_list_page import link, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.integration.test_row_level_security import sql

pytestmark = pytest.mark.django_db


def found(user: User, q: str) -> list[str]:
    return sorted(task.title for task in Task.objects.for_user(user.id).matching(q))


def page(client: Client, **query: str) -> str:
    response = client.get("/", query)
    assert response.status_code == 200
    return response.text


# Search


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("Buy café au lait", "CAFE"),
        ("Buy cafe au lait", "Café"),
        ("Über uns", "uber"),
        ("Buy oat milk", "milk buy"),
        ("Buy oat milk", "il oa"),
        ("cafe\u0301", "café"),
        ("Łódź", "łodz"),
        ("МОЛОКО и ёлка", "молоко елка"),
        ("ΟΔΟΣ", "οδός"),
        ("οδός", "ΟΔΟΣ"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("the ﬁnal report", "final"),
        ("ＦＵＬＬ width", "full"),
        ("Tiếng Việt", "tieng viet"),
        ("한국어", "한국"),
        ("100% sure", "100%"),
        ("snake_case", "e_c"),
        (r"C:\temp", "\\t"),
        ('it\'s "quoted"', "'s \"q"),
        ("{% if %} {{ x }}", "{{ %}"),
        ("😀 party", "😀"),
    ],
)
def test_finds_words_whatever_their_order_case_and_accents(alice: User, text: str, q: str) -> None:
    make_task(alice.id, title=text)
    make_task(alice.id, title="Something else", description=text)
    make_task(alice.id, title="Not this one", description="nor this")
    assert found(alice, q) == sorted([text, "Something else"])


@pytest.mark.parametrize("q", ["%", "_", "%il%", "m_lk", "mi\\lk", "milk bread", "' OR 1=1 --", "m.lk", "[m]ilk"])
def test_takes_signs_for_themselves(alice: User, q: str) -> None:
    make_task(alice.id, title="milk")
    assert found(alice, q) == []


def test_lets_title_and_description_share_the_words(alice: User) -> None:
    make_task(alice.id, title="Milk", description="from the farm")
    assert found(alice, "farm milk") == ["Milk"]


def test_keeps_vowels_that_are_marks(alice: User) -> None:
    make_task(alice.id, title="हिन्दी")
    assert found(alice, "हिन्दी") == ["हिन्दी"]
    assert found(alice, "हन्द") == []


@pytest.mark.parametrize("q", ["", "   ", "\0", "\u0301", "´"])
def test_shows_everything_when_there_is_no_word(alice: User, q: str) -> None:
    make_task(alice.id, title="Milk")
    assert found(alice, q) == ["Milk"]


def test_folds_every_character_in_the_database_as_in_python(alice: User) -> None:
    tasks = Task.objects.for_user(alice.id)
    too_new = range(0x1E030, 0x1E06E)  # letters of Unicode 15, which PostgreSQL 15 does not take apart yet
    codes = (code for code in range(1, sys.maxunicode) if code not in too_new)
    every = [c for c in map(chr, codes) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    for start in range(0, len(every), 20_000):
        # Each one alone, and next to an accent; a line feed keeps it off its neighbours.
        tasks.create(title="Σας", description="\n".join(f"{c} a{c}\u0301" for c in every[start : start + 20_000]))
    assert tasks.count() > 5
    for description, in_database in tasks.values_list("description", CaseAccentFold("description")):
        assert (in_database or "").split("\n") == fold(description or "").split("\n")
    assert set(tasks.values_list(CaseAccentFold("title"), flat=True)) == {fold("Σας")} == {"σασ"}


LONG = " ".join(f"word{n}" for n in range(2000))


@pytest.mark.parametrize(
    "q", ["%00", "%ED%A0%80", "%FF", "%25", "%5C", "%27%22", quote(LONG), "%00" * 3000, "a" * 10_000]
)
def test_takes_any_input(alices: Client, alice: User, q: str) -> None:
    make_task(alice.id, title="Milk")
    for query in (f"q={q}", f"q={q}&sort=title&status=all", f"q=x&q={q}"):
        assert alices.get(f"/?{query}").status_code == 200


def test_keeps_what_was_typed_and_says_what_was_cut(alice: User, alices: Client) -> None:
    make_task(alice.id, title=" ".join(f"word{n}" for n in range(10)))
    html = page(alices, q=LONG)
    assert f'value="{LONG}"' in html
    assert "at most 10 words and 200 characters" in html
    assert "<q><bdi>word0 word1 word2 word3 word4 word5 word6 word7 word8 word9</bdi></q>" in html
    assert len(titles(html)) == 1
    html = page(alices, q='milk & "bread"')
    assert 'value="milk &amp; &#34;bread&#34;"' in html
    assert "Searched for" not in html


def test_finds_and_counts_nothing_of_anybody_else(alice: User, bob: User, alices: Client) -> None:
    make_task(alice.id, title="Milk")
    make_task(bob.id, title="Bob's secret", description="hidden words")
    make_task(bob.id, title="Bob's other secret", status="completed")
    for q in ("secret", "Bob", "hidden words"):
        html = page(alices, q=q, status="all")
        assert titles(html) == []
        assert f"<title>“{escape(q)}” in all tasks (0)" in html
        assert numbers(html) == ["0", "0", "0"]


# Orders and pages


def make_varied(user: User, count: int) -> None:
    """Tasks whose titles, times of creation and of change run in different orders, with many that are the same."""
    tasks = Task.objects.for_user(user.id)
    rows = tasks.bulk_create(
        Task(user_id=user.id, title=f"{'tT'[n % 2]}ask {n * 7 % 40}", status=["pending", "completed"][n % 3 == 0])
        for n in range(count)
    )
    for n, task in enumerate(rows):
        task.updated_at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=n * 11 % 60)
    tasks.bulk_update(rows, ["updated_at"])


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


@pytest.mark.parametrize("sort", ["", "\0", "Title", "-title", "user_id", "newest,title", "x" * 1000])
def test_falls_back_to_the_newest_first(alice: User, alices: Client, sort: str) -> None:
    for title in ("A", "C", "B"):
        make_task(alice.id, title=title)
    assert titles(page(alices, sort=sort)) == ["B", "C", "A"]


# What the page says


def numbers(html: str) -> list[str]:
    return re.findall(r'<span class="count">(.*?)</span>', html)


def test_counts_what_the_search_finds(alice: User, alices: Client) -> None:
    for title, status in (
        ("Oat milk", "pending"),
        ("Milk", "completed"),
        ("More milk", "completed"),
        ("Tea", "pending"),
    ):
        make_task(alice.id, title=title, status=status)
    for status, n in (("pending", 1), ("completed", 2), ("all", 3)):
        html = page(alices, q="milk", status=status)
        assert numbers(html) == ["1", "2", "3"]
        where = "all tasks" if status == "all" else status
        assert f"<title>“milk” in {where} ({n}) - To-do</title>" in html
    assert numbers(page(alices)) == ["2", "2", "4"]


@pytest.mark.postgresql  # a thousand tasks take their time, and nothing here is about SQLite
@pytest.mark.parametrize("q", ["", "many"])
def test_stops_counting_at_a_thousand(alice: User, alices: Client, q: str) -> None:
    tasks = Task.objects.for_user(alice.id)
    tasks.bulk_create(Task(user_id=alice.id, title="many") for _ in range(1000))
    make_task(alice.id, title="many", status="completed")
    assert numbers(page(alices, q=q)) == ["1,000", "1", "1,000+"]
    make_task(alice.id, title="many")
    html = page(alices, q=q)
    assert numbers(html) == ["1,000+", "1", "1,000+"]
    assert "(1,000+) - To-do</title>" in html


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
    assert len(rest) == 3 + 4 + 1
    assert all(query["q"] == ["a&s TASK"] for query in rest)
    assert [query["status"][0] for query in rest] == ["pending", "completed", *["all"] * 6]
    assert [query.get("sort") for query in rest].count(["changed"]) == 3 + 1 + 1
    hidden = dict(re.findall(r'<input type="hidden" name="(status|sort)" value="(.*?)">', html))
    assert hidden == {"status": "all", "sort": "changed"}


@pytest.mark.parametrize(
    ("made", "query", "words"),
    [
        ("", {}, "No tasks yet"),
        ("", {"q": "milk"}, "No results for “milk”"),
        ("completed", {}, "All done"),
        ("pending", {"status": "completed"}, "Completed tasks appear here"),
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


# What it costs


# A search that finds more than a page says by one statement more how many there are.
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("query", "expected"),
    [("", [3, 3]), ("?status=all&sort=title", [3, 3]), ("?q=number&sort=changed", [3, 4]), ("?q=nothing", [3, 3])],
)
def test_runs_no_more_statements_for_more_tasks(alice: User, alices: Client, query: str, expected: list[int]) -> None:
    counts = []
    for more in (10, 990):
        Task.objects.for_user(alice.id).bulk_create(
            Task(user_id=alice.id, title=f"Number {n}", status=["pending", "completed"][n % 2]) for n in range(more)
        )
        with CaptureQueriesContext(connection) as queries:
            assert alices.get(f"/{query}").status_code == 200
        counts.append(len(queries))
    assert counts == expected


@pytest.mark.postgresql
def test_uses_the_index_of_the_owner_with_row_level_security(
    alice: User, bob: User, sign_in: Callable[[User], Client]
) -> None:
    carol = make_user(name="Carol", email="carol@example.org")
    for user, count in ((alice, 20_000), (bob, 20_000), (carol, 5_000)):
        sql(
            "INSERT INTO task (id, user_id, title, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), %s, 'Task ' || n, (array['pending', 'completed'])[1 + n %% 2],"
            " now() - n * interval '1 minute', now() - hashtext(n::text) * interval '1 second'"
            " FROM generate_series(1, %s) n ORDER BY hashtext(n::text)",
            user.id,
            count,
        )
    sql("ANALYZE task")
    client = sign_in(alice)
    statements = []
    for sort in SORTS:
        for status in ("pending", "completed", "all"):
            address = f"/?status={status}&sort={sort}"
            following = link(client.get(address).text, "next")
            for query in (address, following, f"{address}&q=task+12", f"{address}&q=nothing"):
                with CaptureQueriesContext(connection) as queries:
                    client.get(query)
                statements += [row["sql"] for row in queries if 'FROM "task"' in row["sql"]]
    assert len(statements) >= 4 * 3 * 4
    with scoped_to(lambda: alice.id), connection.cursor() as cursor:
        for statement in statements:
            owner = f"'{alice.id}'"  # the owner_filter_guard knows it as a parameter
            explain = f"EXPLAIN {statement.replace('%', '%%').replace(owner, '%s')}"
            cursor.execute(explain, [alice.id] * statement.count(owner))
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert re.search(r"Index (Only )?Scan (Backward )?using ix_task_user_", plan), plan
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan
