"""The filters of the task list: parsed from the query string, and written to the URLs of its links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import IntegerField, QuerySet, Subquery
from django.http import QueryDict
from django.utils.formats import number_format

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.pipeline import fetch_all_in_pipeline

from .pagination import SORTS, Cursor, Page, Sort
from .search import Search

STATUS_FILTERS = ("pending", "completed", "all")
MAX_COUNT = 1000  # larger numbers are shown as "1,000+"


@dataclass(frozen=True)
class TaskListQuery:
    """Which tasks of an owner the list shows, in which order, and whether with boxes to select them."""

    owner: str
    status: str  # one of STATUS_FILTERS
    search: Search
    sort: Sort
    is_select_mode: bool = False

    @classmethod
    def from_querydict(cls, query: QueryDict, owner: str) -> Self:
        """Parse a query string. Unknown values become the default."""
        status = query.get("status", "")
        return cls(
            owner,
            status if status in STATUS_FILTERS else "pending",
            Search.parse(query.get("q", "")),
            SORTS.get(query.get("sort", ""), SORTS["newest"]),
            query.get("select") == "1",
        )

    def url(self, cursor: Cursor | None = None) -> str:
        """Return the query string of this list, at the page of the cursor."""
        parameters = {
            "status": self.status,
            "q": self.search.text if self.search.words else "",
            "sort": self.sort.name if self.sort.name != "newest" else "",
            "cursor": cursor.serialize(self.owner) if cursor else "",
            "select": "1" if self.is_select_mode else "",
        }
        return "?" + urlencode({name: value for name, value in parameters.items() if value})

    def with_status(self, status: str) -> Self:
        return replace(self, status=status)

    def with_sort(self, name: str) -> Self:
        return replace(self, sort=SORTS[name])

    def with_select_mode(self, is_select_mode: bool) -> Self:
        return replace(self, is_select_mode=is_select_mode)

    def without_search(self) -> Self:
        return replace(self, search=Search.parse(""))

    def fetch(self, tasks: TaskQuerySet, cursor: Cursor | None) -> tuple[Page, dict[str, str]]:
        """Return the page of these tasks at the cursor, and the formatted number of tasks for each status filter."""
        # A search reads every task. If its results fit on one page, they are counted there and not by a second search.
        on_page = [] if not self.search.words else Task.Status.values if self.status == "all" else [self.status]
        others = [status for status in Task.Status.values if status not in on_page]
        rows, counts = fetch_all_in_pipeline(*self.build_queries(tasks, cursor, others))
        if cursor and not rows:  # the tasks of this page were deleted
            return self.fetch(tasks, None)
        page = Page.from_rows(rows, self.sort, cursor)
        numbers = dict(zip(others, counts[0] if counts else [0, 0], strict=False))
        if on_page and (page.previous or page.next):
            (counts,) = fetch_all_in_pipeline(count_by_status(tasks.matching(self.search.text), on_page))
            numbers |= zip(on_page, counts[0] if counts else [], strict=True)
        else:
            numbers |= {status: sum(row.status == status for row in page.tasks) for status in on_page}
        numbers["all"] = sum(numbers.values())
        return page, {name: format_count(n) for name, n in numbers.items()}

    def build_queries(self, tasks: TaskQuerySet, cursor: Cursor | None, statuses: list[str]) -> Iterator[CompiledQuery]:
        """Yield the queries for the page and for the number of tasks in each of the statuses."""
        if self.search.words:  # the SQL depends on the number of words: not worth caching
            found = tasks.matching(self.search.text)
            yield CompiledQuery.from_queryset(Page.select(filter_by_status(found, self.status), self.sort, cursor))
            yield CompiledQuery.from_queryset(count_by_status(found, statuses))
            return
        values = {"owner": tasks.owner, **(cursor.values if cursor else {})}
        for query in list_queries(tasks.db, self.status, self.sort, cursor and cursor.direction):
            yield query.bind(**values)


def filter_by_status(tasks: TaskQuerySet, status: str) -> TaskQuerySet:
    return {"pending": tasks.pending, "completed": tasks.completed, "all": tasks.all}[status]()


@cache
def list_queries(using: str, status: str, sort: Sort, direction: str | None) -> tuple[CompiledQuery, CompiledQuery]:
    """Return the queries of a list without a search: for a page on one side of a cursor, and for the counts."""
    owner: Any = Parameter("owner", Task._meta.get_field("user"))
    tasks = Task.objects.for_user(owner).using(using)
    cursor = Cursor.from_parameters(direction, sort) if direction else None
    page = Page.select(filter_by_status(tasks, status), sort, cursor)
    return CompiledQuery.from_queryset(page), CompiledQuery.from_queryset(count_by_status(tasks, Task.Status.values))


class CappedCount(Subquery):
    """The number of rows of a subquery. A LIMIT in the subquery caps it."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def count_by_status(tasks: TaskQuerySet, statuses: list[str]) -> QuerySet[Task, Any]:
    """Return a query for one row with the number of these tasks in each status, up to MAX_COUNT + 1.

    It finds no row if there is no status, or if the owner has no task.
    """
    # The order makes PostgreSQL use the owner's index. With a LIMIT alone it may scan the table.
    order = "-created_at"
    counts = [CappedCount(tasks.filter(status=s).order_by(order).values("id")[: MAX_COUNT + 1]) for s in statuses]
    any_row = Task.objects.for_user(tasks.owner).using(tasks.db).order_by(order)
    return any_row.values_list(*counts)[:1] if counts else any_row.none()


def format_count(n: int) -> str:
    if n < 1000:  # the same in every language
        return str(n)
    return number_format(min(n, MAX_COUNT), force_grouping=True) + ("+" if n > MAX_COUNT else "")
