"""What the list shows and how: read from the address, and written into the addresses that it links to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from django.db.models import IntegerField, Subquery
from django.http import QueryDict
from django.utils.formats import number_format

from .models import Task, TaskQuerySet
from .paging import SORTS, Cursor, Page, Sort
from .search import Search

FILTERS = ("pending", "completed", "all")
COUNTED = 1000


@dataclass(frozen=True)
class Listing:
    """Which tasks of an owner are shown, and in which order. Whatever makes no sense falls back to the default."""

    owner: str
    shown: str
    search: Search
    sort: Sort

    @classmethod
    def asked_for(cls, query: QueryDict, owner: str) -> Self:
        shown = query.get("status", "")
        return cls(
            owner,
            shown if shown in FILTERS else "pending",
            Search.parse(query.get("q", "")),
            SORTS.get(query.get("sort", ""), SORTS["newest"]),
        )

    def address(self, cursor: Cursor | None = None) -> str:
        """The query string of this list, from the page that the cursor names."""
        return "?" + urlencode(
            {
                "status": self.shown,
                **({"q": self.search.text} if self.search.words else {}),
                **({"sort": self.sort.name} if self.sort.name != "newest" else {}),
                **({"cursor": cursor.text(self.owner)} if cursor else {}),
            }
        )

    def showing(self, shown: str) -> Self:
        return replace(self, shown=shown)

    def sorted_by(self, name: str) -> Self:
        return replace(self, sort=SORTS[name])

    def without_search(self) -> Self:
        return replace(self, search=Search.parse(""))

    def chosen(self, tasks: TaskQuerySet) -> TaskQuerySet:
        """Of these tasks, those that the filter shows."""
        return {"pending": tasks.pending, "completed": tasks.completed, "all": tasks.all}[self.shown]()

    def counts(self, tasks: TaskQuerySet, page: Page) -> dict[str, str]:
        """The numbers beside the filters, of what the search finds; ``page`` is the page of it that is shown."""
        known: dict[str, int] = {}
        if self.search.words and not (page.previous or page.next):
            complete = Task.Status.values if self.shown == "all" else [self.shown]
            known = {status: sum(task.status == status for task in page.tasks) for status in complete}
        return {name: count_in_words(n) for name, n in count_by_status(tasks, known).items()}


class Tally(Subquery):
    """The number of rows of a subquery."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def count_by_status(tasks: TaskQuerySet, known: dict[str, int]) -> dict[str, int]:
    """The number of these tasks for each filter of the list; more than COUNTED means "more", not how many.

    What is known already is not counted: where a search finds little, that halves the rows that are looked at.
    """
    # In an order, so that PostgreSQL walks the owner's index: for a LIMIT alone it may try the table from its start.
    order = ("-created_at", "-id")
    wanted = [status for status in Task.Status.values if status not in known]
    tallies = [Tally(tasks.filter(status=s).order_by(*order).values("id")[: COUNTED + 1]) for s in wanted]
    any_row = Task.objects.for_user(tasks.owner).order_by(*order)[:1]
    counted = (any_row.values_list(*tallies).first() if wanted else None) or [0] * len(wanted)
    counts = known | dict(zip(wanted, counted, strict=True))
    return counts | {"all": sum(counts.values())}


def count_in_words(n: int) -> str:
    return number_format(min(n, COUNTED), force_grouping=True) + ("+" if n > COUNTED else "")
