"""What a contestant's list shows: all of them have to show the same."""

from __future__ import annotations

import html
import re
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime

from bench.contestants.servers import Contestant
from bench.database import People

ROW = re.compile(r'<li [^>]*id="?task-([0-9a-f-]{36})[^>]*>(.*?)</li>', re.DOTALL)
TITLE = re.compile(r'<a class="?title\b[^>]*>(.*?)</a>', re.DOTALL)
EXCERPT = re.compile(r'<p class="?excerpt\b[^>]*>(.*?)</p>', re.DOTALL)
TIME = re.compile(r'<time datetime="([^"]*)"')
COUNT = re.compile(r'<span class="?count\b[^>]*>(.*?)</span>')


@dataclass(frozen=True)
class Shown:
    """The tasks of a page, and the numbers beside its filters."""

    tasks: list[tuple[str, ...]]
    counts: list[str]


@dataclass(frozen=True)
class Page:
    text: str

    @property
    def shown(self) -> Shown:
        return Shown([fields(*row) for row in ROW.findall(self.text)], COUNT.findall(self.text))

    @property
    def elements(self) -> int:
        return len(re.findall(r"<[a-z]", self.text))

    @property
    def size(self) -> int:
        return len(self.text.encode())


def fields(task_id: str, row: str) -> tuple[str, ...]:
    """What is said of a task, however a contestant writes it."""
    times = [str(datetime.fromisoformat(time).replace(microsecond=0)) for time in TIME.findall(row)]
    words = [
        html.unescape(re.sub("<[^>]*>", "", text)).strip() for text in (*TITLE.findall(row), *EXCERPT.findall(row))
    ]
    return (task_id, *words, *times)


def fetch(
    contestant: Contestant, people: People, person: int, path: str = "/", encoding: str = ""
) -> tuple[str, bytes]:
    """A page, as it comes over the wire, and how it is compressed."""
    headers = {"Cookie": people.cookies[person], "Accept-Encoding": encoding}
    try:
        with urllib.request.urlopen(urllib.request.Request(contestant.origin + path, headers=headers)) as answer:
            return answer.headers.get("Content-Encoding", ""), answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{contestant.name}: {path} was answered with {error.code}.\n{contestant.last_words()}")


def page_of(contestant: Contestant, people: People, person: int, path: str = "/") -> Page:
    return Page(fetch(contestant, people, person, path)[1].decode())


def require_same(contestants: list[Contestant], people: People, persons: list[int]) -> dict[str, Page]:
    """The page of the first of these people at each contestant; all of them show the same tasks and numbers."""
    for person in reversed(persons):
        pages = {each.name: page_of(each, people, person) for each in contestants}
        first, *others = (page.shown for page in pages.values())
        if len(first.tasks) != 50:
            sys.exit(f"{contestants[0].name} shows {len(first.tasks)} tasks and not 50.")
        for contestant, other in zip(contestants[1:], others, strict=True):
            if other != first:
                odd = next(((a, b) for a, b in zip(first.tasks, other.tasks, strict=False) if a != b), None)
                sys.exit(f"{contestant.name} does not show what {contestants[0].name} shows: {odd or other.counts}")
    return pages
