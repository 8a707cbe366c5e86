"""The search on the task list."""

from __future__ import annotations

import sys
import unicodedata
from html import escape
from urllib.parse import quote

import pytest
from django.test import Client

from tasks.models import Task
from tasks.task_list.search import CaseAccentFold, fold
from tasks.task_list.tests.pages import numbers, page, titles
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def found(user: User, q: str) -> list[str]:
    return sorted(task.title for task in Task.objects.for_user(user.id).matching(q))


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
    assert "10 words and 200 characters at the most" in html
    assert "“<bdi>word0 word1 word2 word3 word4 word5 word6 word7 word8 word9</bdi>”" in html
    assert len(titles(html)) == 1
    html = page(alices, q='milk & "bread"')
    assert 'value="milk &amp; &#34;bread&#34;"' in html
    assert "at the most" not in html


def test_finds_and_counts_nothing_of_anybody_else(alice: User, bob: User, alices: Client) -> None:
    make_task(alice.id, title="Milk")
    make_task(bob.id, title="Bob's secret", description="hidden words")
    make_task(bob.id, title="Bob's other secret", status="completed")
    for q in ("secret", "Bob", "hidden words"):
        html = page(alices, q=q, status="all")
        assert titles(html) == []
        assert f"<title>“{escape(q)}” in all tasks (0)" in html
        assert numbers(html) == ["0", "0", "0"]


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
