"""What the list shows and how: read from the address, and written into the addresses that it links to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from html import escape
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import IntegerField, QuerySet, Subquery
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.safestring import SafeString

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.pipeline import fetch_all_in_pipeline

from .pagination import SORTS, Cursor, Page, Row, Sort
from .search import Search

FILTERS = ("pending", "completed", "all")
MAX_COUNT = 1000
EXCERPT_LENGTH = 140  # characters of a description


@dataclass(frozen=True)
class TaskListQuery:
    """Which tasks of an owner are shown, and in which order. Whatever makes no sense falls back to the default."""

    owner: str
    shown: str
    search: Search
    sort: Sort

    @classmethod
    def from_querydict(cls, query: QueryDict, owner: str) -> Self:
        shown = query.get("status", "")
        return cls(
            owner,
            shown if shown in FILTERS else "pending",
            Search.parse(query.get("q", "")),
            SORTS.get(query.get("sort", ""), SORTS["newest"]),
        )

    def url(self, cursor: Cursor | None = None) -> str:
        """The query string of this list, from the page that the cursor names."""
        asked = {
            "status": self.shown,
            "q": self.search.text if self.search.words else "",
            "sort": self.sort.name if self.sort.name != "newest" else "",
            "cursor": cursor.text(self.owner) if cursor else "",
        }
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    def with_status(self, shown: str) -> Self:
        return replace(self, shown=shown)

    def sorted_by(self, name: str) -> Self:
        return replace(self, sort=SORTS[name])

    def without_search(self) -> Self:
        return replace(self, search=Search.parse(""))

    def fetch(self, tasks: TaskQuerySet, cursor: Cursor | None) -> tuple[Page, dict[str, str]]:
        """The page of these tasks beside the cursor, and the numbers beside the filters."""
        # A search looks at each task: what its page may tell, because it is the only one, is not counted beforehand.
        told = [] if not self.search.words else Task.Status.values if self.shown == "all" else [self.shown]
        others = [status for status in Task.Status.values if status not in told]
        rows, counts = fetch_all_in_pipeline(*self.statements(tasks, cursor, others))
        if cursor and not rows:  # whatever was on that side is gone
            return self.fetch(tasks, None)
        page = Page.from_rows(rows, self.sort, cursor)
        numbers = dict(zip(others, counts[0] if counts else [0, 0], strict=False))
        if told and (page.previous or page.next):
            (counts,) = fetch_all_in_pipeline(counts_by_status(tasks.matching(self.search.text), told))
            numbers |= zip(told, counts[0] if counts else [], strict=True)
        else:
            numbers |= {status: sum(row.status == status for row in page.tasks) for status in told}
        numbers["all"] = sum(numbers.values())
        return page, {name: count_in_words(n) for name, n in numbers.items()}

    def render_rows(
        self,
        tasks: list[Row],
        patterns: dict[str, str],
        paragraph: str,
        time: Callable[[datetime], str],
        *,
        whole: bool,
    ) -> SafeString:
        """The rows of these tasks: each is put into the braces of the pattern of its status, as HTML.

        A template takes ten times as long. Each title is escaped once, where a template does it at each place.
        """
        rows = (
            str.format(
                patterns[task.status],
                id=str(task.id),
                title=escape(task.title),
                time=time(task.created_at),
                row=row,
                paragraph=str.format(paragraph, text=escape(task.description if whole else excerpt(task.description)))
                if task.description
                else "",
            )
            for row, task in enumerate(tasks, 1)
        )
        return SafeString("".join(rows))  # the patterns are a template's own

    def statements(self, tasks: TaskQuerySet, cursor: Cursor | None, counted: list[str]) -> Iterator[CompiledQuery]:
        """What asks for the page, and for the numbers of tasks in these states."""
        if self.search.words:  # of which there are too many shapes to keep
            found = tasks.matching(self.search.text)
            yield CompiledQuery.from_queryset(Page.query(shown_of(found, self.shown), self.sort, cursor))
            yield CompiledQuery.from_queryset(counts_by_status(found, counted))
            return
        values = {"owner": tasks.owner, **(cursor.values if cursor else {})}
        for statement in list_queries(tasks.db, self.shown, self.sort, cursor and cursor.direction):
            yield statement.bind(**values)


def shown_of(tasks: TaskQuerySet, shown: str) -> TaskQuerySet:
    """Of these tasks, those that the filter shows."""
    return {"pending": tasks.pending, "completed": tasks.completed, "all": tasks.all}[shown]()


@cache
def list_queries(using: str, shown: str, sort: Sort, direction: str | None) -> tuple[CompiledQuery, CompiledQuery]:
    """What asks for a page without a search, on this side of a cursor, and for the numbers beside the filters."""
    owner: Any = Parameter("owner", Task._meta.get_field("user"))
    tasks = Task.objects.for_user(owner).using(using)
    cursor = Cursor.as_parameters(direction, sort) if direction else None
    wanted = Page.query(shown_of(tasks, shown), sort, cursor)
    return CompiledQuery.from_queryset(wanted), CompiledQuery.from_queryset(counts_by_status(tasks, Task.Status.values))


def excerpt(text: str) -> str:
    """The text, or its first words and dots."""
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 3].rsplit(" ", 1)[0] + "..."


class CappedCount(Subquery):
    """The number of rows of a subquery."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def counts_by_status(tasks: TaskQuerySet, statuses: list[str]) -> QuerySet[Task, Any]:
    """A row with the number of these tasks in each of the statuses; more than MAX_COUNT means "more", not how many.

    There is no row for no status, and none for somebody who has no task at all.
    """
    # In an order, so that PostgreSQL walks the owner's index: for a LIMIT alone it may try the table from its start.
    order = "-created_at"
    tallies = [CappedCount(tasks.filter(status=s).order_by(order).values("id")[: MAX_COUNT + 1]) for s in statuses]
    any_row = Task.objects.for_user(tasks.owner).using(tasks.db).order_by(order)
    return any_row.values_list(*tallies)[:1] if tallies else any_row.none()


def count_in_words(n: int) -> str:
    return number_format(min(n, MAX_COUNT), force_grouping=True) + ("+" if n > MAX_COUNT else "")
