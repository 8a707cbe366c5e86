"""The journal: an append-only log of the changes to each user's tasks.

Undo, the trash, the history of a task and its time of completion are read from it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple, Self

from django.db import connections, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.managers import OwnedManager, OwnedQuerySet
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.pipeline import fetch_all_in_pipeline, pipeline

from .canonical import hash_record, to_rfc3339

# A task's columns as text. Times are RFC 3339 in UTC with microseconds.
type State = dict[str, str | None]

MAX_ROWS = 1000  # of one INSERT
FIELDS = ("title", "description", "status", "created_at", "updated_at")


class CannotUndo(Exception):
    """Raised when a newer change prevents undo. The message is shown to the user."""


@dataclass(frozen=True)
class ChangeContext:
    """The request that makes a change and, unless the owner makes it, the member of staff and their reason."""

    request_id: str = ""
    staff: str = ""
    reason: str = ""

    @classmethod
    def from_request(cls, request: HttpRequest) -> Self:
        return cls(getattr(request, "id", ""))


@dataclass(frozen=True)
class Step:
    """A task before and after a change. None means that it does not exist."""

    task_id: uuid.UUID
    before: State | None
    after: State | None
    is_import: bool = False
    undoes: uuid.UUID | None = None

    @property
    def changes(self) -> dict[str, list[str | None]]:
        before, after = self.before or {}, self.after or {}
        pairs = {field: [before.get(field), after.get(field)] for field in FIELDS}
        return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def verb(self) -> str:
        verbs = JournalEntry.Verb
        if self.before is None:
            return verbs.RESTORE if self.undoes else verbs.IMPORT if self.is_import else verbs.CREATE
        if self.after is None:
            return verbs.DELETE
        if self.changes.keys() <= {"status", "updated_at"}:
            return verbs.COMPLETE if self.after["status"] == "completed" else verbs.REOPEN
        return verbs.EDIT

    def entry(self, batch: uuid.UUID | None) -> JournalEntry:
        entry = JournalEntry(
            task_id=self.task_id, verb=self.verb, changes=self.changes, batch=batch, undoes=self.undoes
        )
        entry.task_title = str((self.after or self.before or {}).get("title"))
        return entry


class Head(NamedTuple):
    """The number and hash of the newest entry: the next entry continues from it."""

    number: int = 0
    hash: str = ""


@contextmanager
def turn_of(user_id: str, using: str, *reading: models.QuerySet[Any, Any] | CompiledQuery) -> Iterator[list[Any]]:
    """Lock the owner's tasks for writing in a transaction. Yield the head of the journal and the rows of each query.

    On PostgreSQL, the reads share one round trip, and the writes are sent with the COMMIT. Inside another transaction
    each statement is sent by itself: an error must reach its own savepoint. SQLite has only one writer at a time, from
    BEGIN IMMEDIATE on.
    """
    is_inner = connections[using].in_atomic_block
    with nullcontext() if is_inner else pipeline(using), transaction.atomic(using=using):
        if connections[using].vendor == "postgresql":
            key = int.from_bytes(sha256(user_id.encode()).digest()[:8], signed=True)
            with connections[using].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        head, *found = fetch_all_in_pipeline(newest(using).bind(owner=user_id), *reading)
        yield [Head(*head[0]) if head else Head(), *found]


@cache
def newest(using: str) -> CompiledQuery:
    """Return the query for the head of a journal."""
    owner: Any = Parameter("owner", JournalEntry._meta.get_field("user"))
    return CompiledQuery.from_queryset(
        JournalEntry.objects.for_user(owner).using(using).newest_first().values_list(*Head._fields)[:1]
    )


@cache
def earliest(using: str) -> CompiledQuery:
    """Return the query for a task's first entry."""
    owner: Any = Parameter("owner", JournalEntry._meta.get_field("user"))
    task_id = Parameter("task_id", JournalEntry._meta.get_field("task_id"))
    return CompiledQuery.from_queryset(
        JournalEntry.objects.for_user(owner).using(using).filter(task_id=task_id).order_by("number")[:1]
    )


class JournalEntryQuerySet(OwnedQuerySet["JournalEntry"]):
    def newest_first(self) -> Self:
        return self.order_by("-number")

    def of_tasks(self) -> Self:
        """Exclude the entries that changed no task."""
        return self.exclude(verb__in=[JournalEntry.Verb.VIEW, JournalEntry.Verb.ERASE])

    def in_trash(self, until: int | None = None) -> Self:
        """Return the deletion of each task in the trash now, or at the entry with the number ``until``."""
        later = type(self)(self.model).for_user(self.owner).of_tasks()
        newer = later.filter(task_id=OuterRef("task_id"), number__gt=OuterRef("number"))
        if until is not None:
            newer = newer.filter(number__lte=until)
        return self.filter(~Exists(newer), verb=JournalEntry.Verb.DELETE)

    def named(self, entry_or_batch: uuid.UUID) -> Self:
        """Return one entry by its id, or all entries of a batch by the batch's id."""
        return self.filter(Q(pk=entry_or_batch) | Q(batch=entry_or_batch))

    def erase(self) -> None:
        """Delete the journal. The database allows it only while an ERASE entry of the owner exists."""
        self.create(number=0, verb=JournalEntry.Verb.ERASE)
        self.exclude(verb=JournalEntry.Verb.ERASE).delete()
        self.delete()

    def last_number(self) -> int:
        return self.newest_first().values_list("number", flat=True).first() or 0

    def append(
        self, steps: Iterable[Step], origin: ChangeContext, head: Head, batch: uuid.UUID | None = None
    ) -> list[JournalEntry]:
        """Append an entry for each step. Call it inside turn_of()."""
        steps = list(steps)
        batch = batch or (uuid.uuid4() if len(steps) > 1 else None)
        return self._append([step.entry(batch) for step in steps], origin, head)

    def record_view(self, task_id: uuid.UUID | None, origin: ChangeContext, head: Head) -> list[JournalEntry]:
        """Append an entry: staff viewed a task, or the list without a task id. Call it inside turn_of()."""
        return self._append([JournalEntry(task_id=task_id, verb=JournalEntry.Verb.VIEW)], origin, head)

    def _append(self, entries: list[JournalEntry], origin: ChangeContext, head: Head) -> list[JournalEntry]:
        """Number the entries and compute their hashes."""
        previous = head.hash
        for number, entry in enumerate(entries, head.number + 1):
            entry.user_id, entry.number = self.owner, number
            entry.staff, entry.reason, entry.request_id = origin.staff, origin.reason, origin.request_id
            entry.hash = previous = entry.compute_hash(previous)
        return self.bulk_create(entries, batch_size=MAX_ROWS)


class JournalEntry(OwnedBase):
    """An entry of the owner's journal. Database triggers reject updates and deletions of single entries."""

    class Verb(models.TextChoices):
        CREATE = "create", gettext_lazy("Added")
        IMPORT = "import", gettext_lazy("Imported")
        EDIT = "edit", gettext_lazy("Edited")
        COMPLETE = "complete", gettext_lazy("Completed")
        REOPEN = "reopen", gettext_lazy("Reopened")
        DELETE = "delete", gettext_lazy("Deleted")
        RESTORE = "restore", gettext_lazy("Restored")
        VIEW = "look", gettext_lazy("Viewed by staff")
        ERASE = "erase", gettext_lazy("Erased")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveBigIntegerField(help_text="1, 2, 3 ... for each owner")
    task_id = models.UUIDField(null=True, help_text="no foreign key: the entry outlives its task")
    verb = models.CharField(max_length=16, choices=Verb)
    changes = models.JSONField(default=dict, help_text="field: [from, to]")
    at = models.DateTimeField(default=timezone.now)
    staff = models.CharField(max_length=255, default="", help_text="who, if not the owner")
    reason = models.CharField(max_length=500, default="")
    request_id = models.CharField(max_length=64, default="")
    batch = models.UUIDField(null=True, help_text="shared by all entries that were made at once")
    undoes = models.UUIDField(null=True, help_text="the entry that this one reverts")

    hash = models.CharField(max_length=64, default="", help_text="see compute_hash()")

    task_title = ""  # of a new entry; not stored

    objects: ClassVar = OwnedManager.from_queryset(JournalEntryQuerySet)()

    class Ownership:
        journal = ()
        export = "journal"
        order = ("number",)

    class Meta(OwnedBase.Meta):
        abstract = False
        db_table = "task_event"
        verbose_name = gettext_lazy("history entry")
        verbose_name_plural = gettext_lazy("history entries")
        constraints = [models.UniqueConstraint(fields=["user", "number"], name="uq_task_event_number")]
        indexes = [
            models.Index(fields=["user", "task_id", "-number"], name="ix_task_event_task"),
            models.Index(fields=["user", "batch"], name="ix_task_event_batch", condition=Q(batch__isnull=False)),
            models.Index(fields=["user", "-number"], name="ix_task_event_trash", condition=Q(verb="delete")),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.number}"

    def record(self) -> dict[str, Any]:
        """Return the entry as it is exported, without its hash."""
        return {
            "id": str(self.id),
            "user_id": self.owner,
            "number": self.number,
            "task_id": self.task_id and str(self.task_id),
            "verb": str(self.verb),
            "changes": self.changes,
            "at": to_rfc3339(self.at),
            "staff": self.staff,
            "reason": self.reason,
            "request_id": self.request_id,
            "batch": self.batch and str(self.batch),
            "undoes": self.undoes and str(self.undoes),
        }

    def to_export(self) -> dict[str, Any]:
        return {**self.record(), "hash": self.hash}

    def compute_hash(self, previous: str) -> str:
        """Return the hash of the entry and the previous entry's hash ("" for the first entry)."""
        return hash_record(self.record(), previous)

    @property
    def title(self) -> str:
        """Return the task's title if the entry contains it: a new entry does, or one that changed the title."""
        before, after = self.changes.get("title", ["", self.task_title])
        return str(after or before)

    @property
    def can_be_undone(self) -> bool:
        return bool(self.changes)

    def state_before(self, state: State | None) -> State | None:
        """Return the state of the task without this entry, or the same state if the entry is already undone.

        Raise CannotUndo if a newer change prevents it.
        """
        before = {field: pair[0] for field, pair in self.changes.items()}
        after = {field: pair[1] for field, pair in self.changes.items()}
        created, deleted = before.get("created_at", "") is None, after.get("created_at", "") is None
        if deleted:
            return before if state is None else state
        if state is None:
            if created:
                return None
            raise CannotUndo(_("This task is in the trash. Restore it first."))
        fields = after.keys() - {"updated_at"}
        if all(state[field] == before[field] for field in fields):
            return state
        if any(state[field] != after[field] for field in fields):
            raise CannotUndo(_("“%(title)s” has newer changes. Undo those first.") % state)
        if created:
            return None
        if state["updated_at"] != after["updated_at"]:  # a newer change set other fields, which are kept
            before["updated_at"] = to_rfc3339(timezone.now())
        return {**state, **before}
