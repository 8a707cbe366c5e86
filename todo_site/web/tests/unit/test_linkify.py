"""Addresses in a text become links, and nothing else does."""

from __future__ import annotations

import random
import re
from html import unescape

import pytest

from todo_site.web.linkify import linkify

# The same whatever the database.
pytestmark = pytest.mark.sqlite


def link(address: str) -> str:
    return f'<a href="{address}" rel="noopener noreferrer nofollow">{address}</a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see https://example.org/a?b=c#d", f"see {link('https://example.org/a?b=c#d')}"),
        ("HTTP://EXAMPLE.ORG", link("HTTP://EXAMPLE.ORG")),
        ("https://example.org.", f"{link('https://example.org')}."),
        ("(https://example.org/a)", f"({link('https://example.org/a')})"),
        ("https://example.org/a_(b)", link("https://example.org/a_(b)")),
        ("“https://example.org/”, he said", f"“{link('https://example.org/')}”, he said"),
        ("https://example.org/...?!", f"{link('https://example.org/')}...?!"),
        ("https://a.example\nhttps://b.example", f"{link('https://a.example')}\n{link('https://b.example')}"),
        ("https://bücher.example/ä", link("https://bücher.example/ä")),
        ("https://例え.テスト/", link("https://例え.テスト/")),
        ("http://[::1]:8000/", link("http://[::1]:8000/")),
        ("https://example.org/?a=1&b=2", link("https://example.org/?a=1&amp;b=2")),
        ("https://example.org/&lt;script&gt;", link("https://example.org/&amp;lt;script&amp;gt") + ";"),
    ],
)
def test_makes_an_address_a_link(text: str, html: str) -> None:
    assert linkify(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://example.org/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "xhttps://example.org",
        "ftp://example.org",
        "example.org and me@example.org",
        "https://",
        "https://...",
        "https://:80",
        "https://[::1",
        "https://example.org:port",
        "https://example.org:99999",
        "https://bank.example@evil.example/",
        "https:/example.org",
        "<a href=x>",
        "",
    ],
)
def test_leaves_everything_else_as_text(text: str) -> None:
    html = linkify(text)
    assert "<" not in html
    assert unescape(html) == text


def test_ends_an_address_where_it_could_break_out() -> None:
    assert linkify('https://a.example/"onmouseover=x') == f"{link('https://a.example/')}&quot;onmouseover=x"
    assert linkify("https://a.example/<script>") == f"{link('https://a.example/')}&lt;script&gt;"
    assert linkify("https://a.example/\u202egro.elpmaxe") == f"{link('https://a.example/')}\u202egro.elpmaxe"


def test_keeps_every_character_of_any_text() -> None:
    chance = random.Random(7)
    pieces = [
        "https://",
        "http://",
        "a.example",
        "/",
        "(",
        ")",
        "<",
        ">",
        '"',
        "'",
        "&",
        "@",
        ".",
        " ",
        "\n",
        "[",
        "]",
        "é",
        ":",
    ]
    for _ in range(2000):
        text = "".join(chance.choices(pieces, k=chance.randrange(20)))
        html = linkify(text)
        assert unescape(re.sub(r"</?a\b[^>]*>", "", html)) == text
        assert all(re.match(r"https?://[^\"<>]+$", href) for href in re.findall(r'href="([^"]*)"', html))


def test_is_quick_with_a_text_made_to_be_slow() -> None:
    for text in ("https://a" * 10_000, "https://a.example/" + ")" * 100_000, "https://a.example/" + "(" * 100_000):
        assert unescape(re.sub(r"</?a\b[^>]*>", "", linkify(text))) == text
