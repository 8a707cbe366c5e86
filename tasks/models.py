from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import batched
from typing import Any, ClassVar, Self, cast

from django.contrib.auth import get_user_model
from django.db import IntegrityError, models
from django.db.models import Case, Subquery, When
from django.db.models.functions import Coalesce, Length, Lower, Now, Trim
from django.db.models.lookups import GreaterThan
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from todo_site.journal.models import (
    MAX_ROWS,
    ChangeContext,
    Head,
    JournalEntry,
    JournalEntryQuerySet,
    State,
    Step,
    earliest,
    to_rfc3339,
    turn_of,
)
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.fields import AutoTimestampField
from todo_site.ownership.managers import OWNER, OwnedManager, OwnedQuerySet
from todo_site.ownership.models import OwnedBase
from todo_site.ownership.pipeline import fetch_all_in_pipeline

from .task_list.search import Search
from .transfer.models import PendingImport
from .validators import require_visible

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = ("created_at", "updated_at")
MAX_IDS = 1000  # in one statement
MAX_VERSIONS = 1000  # that an edit form may be behind


class EditConflict(Exception):
    """Two edits gave the same fields different values.

    ``task`` is what is there now, ``merged`` the same with what was wanted, conflicting ``fields`` included.
    """

    def __init__(self, task: Task, fields: list[str], merged: State) -> None:
        self.task, self.fields, self.merged = task, fields, merged


class TaskQuerySet(OwnedQuerySet["Task"]):
    """What can be done with tasks. Each verb writes the tasks and their journal in one transaction."""

    def pending(self) -> Self:
        return self.filter(status=Task.Status.PENDING)

    def completed(self) -> Self:
        return self.filter(status=Task.Status.COMPLETED)

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "id")

    def matching(self, q: str) -> Self:
        """The tasks with each word of ``q`` in the title or the description, whatever its case and accents."""
        return self.filter(Search.parse(q).condition)

    def add(self, task: Task, origin: ChangeContext) -> JournalEntry:
        """Add a task that brings its own id. When that was done before, nothing is, and the earlier entry comes back.

        An id that is taken by somebody else is replaced, so that nobody learns of it.
        """
        self._refuse_other_owner({OWNER: task.user_id})
        try:
            return self._add(task, origin)
        except IntegrityError:
            task.id = uuid.uuid4()
            return self._add(task, origin)

    def _add(self, task: Task, origin: ChangeContext) -> JournalEntry:
        earlier = earliest(self.db).bind(owner=self.owner, task_id=task.pk)
        with turn_of(self.owner, self.db, earlier) as (head, added):
            if added:
                return cast(JournalEntry, added[0])
            task.created_at = task.updated_at = timezone.now()
            return self._write([Step(task.id, None, task.state())], origin, head)[0]

    def create_many(self, tasks: Mapping[uuid.UUID, State], origin: ChangeContext) -> list[JournalEntry]:
        """Add tasks that bring their own ids, as add() does; the entries of those that were not added before.

        When all of them were, the earlier entries created back.
        """
        earlier = self._journal().filter(task_id__in=list(tasks), verb=JournalEntry.Verb.CREATE).order_by("number")
        with turn_of(self.owner, self.db, earlier) as (head, added):
            known = {entry.task_id: entry for entry in added}
            steps = [Step(task_id, None, state) for task_id, state in tasks.items() if task_id not in known]
            return self._write(steps, origin, head) or list(known.values())

    def import_tasks(
        self, tasks: Mapping[uuid.UUID, State], origin: ChangeContext, batch: uuid.UUID
    ) -> list[JournalEntry]:
        """Import tasks as they are, under the ids that they bring. Those that are here already stay as they are here.

        Where one of the ids is taken by somebody else all get other ids, always the same ones, so that nobody learns
        which; and once more, if somebody meant to take those as well.
        """
        for replacement_id in (lambda task_id: task_id, self.replacement_id):
            try:
                return self._import_tasks(tasks, replacement_id, origin, batch)
            except IntegrityError:
                continue
        return self._import_tasks(tasks, lambda task_id: uuid.uuid4(), origin, batch)

    def _import_tasks(
        self,
        tasks: Mapping[uuid.UUID, State],
        replacement_id: Callable[[uuid.UUID], uuid.UUID],
        origin: ChangeContext,
        batch: uuid.UUID,
    ) -> list[JournalEntry]:
        with turn_of(self.owner, self.db) as (head,):
            here = self.existing(tasks)
            created = {task_id: state for task_id, state in tasks.items() if task_id not in here}
            steps = [Step(replacement_id(task_id), None, state, is_import=True) for task_id, state in created.items()]
            return self._write(steps, origin, head, batch)

    def existing(self, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Task]:
        """The owner's tasks among these ids that an import brings, by the id that it brings."""
        found = {}
        for some in batched(ids, MAX_IDS, strict=False):
            imported = {self.replacement_id(task_id): task_id for task_id in some} | {
                task_id: task_id for task_id in some
            }
            for those in batched(imported, MAX_IDS, strict=False):
                found.update({imported[task.pk]: task for task in self._all().filter(pk__in=those)})
        return found

    def edit(self, task_id: uuid.UUID, wanted: State, version: int | None, origin: ChangeContext) -> list[JournalEntry]:
        """Give a task these fields, which were typed when it was at ``version``; the entry, if that changes anything.

        Fields that only somebody else changed meanwhile stay so. Raises EditConflict, and Task.DoesNotExist.
        """
        with turn_of(self.owner, self.db, task_by_id_query(self.db).bind(owner=self.owner, id=task_id)) as (
            head,
            found,
        ):
            if not found:
                raise Task.DoesNotExist
            (task,) = found
            now, base = task.state(), self._state_at(task, version)
            differing = [field for field in wanted if wanted[field] != now[field]]
            mine = [field for field in differing if base is None or wanted[field] != base[field]]
            if conflicts := [field for field in mine if base is None or now[field] != base[field]]:
                raise EditConflict(
                    task, conflicts, {field: (wanted if field in mine else now)[field] for field in wanted}
                )
            return self._change([task], {field: wanted[field] for field in mine}, origin, head)

    def set_status(self, status: str, origin: ChangeContext) -> list[JournalEntry]:
        """Bring all tasks of this queryset into the wanted state; those that are there already stay as they are."""
        with turn_of(self.owner, self.db, self.exclude(status=status).oldest_first()) as (head, tasks):
            return self._change(tasks, {"status": status}, origin, head)

    def move_to_trash(self, origin: ChangeContext) -> list[JournalEntry]:
        """Move all tasks of this queryset into the trash."""
        with turn_of(self.owner, self.db, self.oldest_first()) as (head, tasks):
            return self._write([Step(task.pk, task.state(), None) for task in tasks], origin, head)

    def undo(self, entry_or_batch: uuid.UUID, origin: ChangeContext) -> list[JournalEntry]:
        """Revert an entry of the journal, or all entries of a batch; none is made when that was done before.

        Raises JournalEntry.DoesNotExist, and CannotUndo where something newer stands in the way.
        """
        return self._revert(self._journal().named(entry_or_batch).of_tasks().newest_first(), origin)

    def restore(self, task_id: uuid.UUID, origin: ChangeContext) -> list[JournalEntry]:
        """Revert the last deletion of a task, as undo() does."""
        deletions = self._journal().filter(task_id=task_id, verb=JournalEntry.Verb.DELETE)
        return self._revert(deletions.newest_first()[:1], origin)

    def _revert(self, entries: JournalEntryQuerySet, origin: ChangeContext) -> list[JournalEntry]:
        tasks = self._all().filter(pk__in=entries.values("task_id"))
        with turn_of(self.owner, self.db, entries, tasks) as (head, found, tasks_there):
            if not found:
                raise JournalEntry.DoesNotExist
            there = {task.pk: task.state() for task in tasks_there}
            steps = []
            for entry in found:
                if entry.task_id:
                    before = there.get(entry.task_id)
                    steps.append(Step(entry.task_id, before, entry.state_before(before), undoes=entry.pk))
            return self._write([step for step in steps if step.before != step.after], origin, head)

    def record_view(self, task_id: uuid.UUID | None, origin: ChangeContext) -> None:
        """Note in the owner's journal that somebody else looked at a task, or at the list of them."""
        with turn_of(self.owner, self.db) as (head,):
            self._journal().record_view(task_id, origin, head)

    def count_rows(self) -> dict[str, int]:
        """How much is kept of the owner's: tasks, those in the trash, and entries of the journal."""
        journal = self._journal()
        counts = fetch_all_in_pipeline(self._all().counted(), journal.counted(), journal.in_trash().counted())
        return dict(zip(("tasks", "entries", "in_trash"), (n[0][0] if n else 0 for n in counts), strict=True))

    def erase(self, origin: ChangeContext) -> dict[str, int]:  # type: ignore[override]
        """Delete all tasks of the owner, the trash and the journal for good; how many there were of each."""
        with turn_of(self.owner, self.db):
            journal, receipt = self._journal(), self.count_rows()
            self._all().delete()
            PendingImport.objects.for_user(self.owner).using(self.db).delete()
            # The database lets the entries go only where one of them says that this is meant.
            journal.create(number=0, verb=JournalEntry.Verb.ERASE, request_id=origin.request_id)
            journal.exclude(verb=JournalEntry.Verb.ERASE).delete()
            journal.delete()
            return receipt

    def _all(self) -> TaskQuerySet:
        return Task.objects.for_user(self.owner).using(self.db)

    def _journal(self) -> JournalEntryQuerySet:
        return JournalEntry.objects.for_user(self.owner).using(self.db)

    def replacement_id(self, task_id: uuid.UUID) -> uuid.UUID:
        return deterministic_uuid(self.owner, "taken", str(task_id))

    def _state_at(self, task: Task, version: int | None) -> State | None:
        """A task as it was at a version, read back from the journal; None where the journal does not know."""
        state = task.state()
        if version_of(state) == version:
            return state
        for entry in self._journal().filter(task_id=task.pk).newest_first()[:MAX_VERSIONS]:
            if version_of(state) == version:
                break
            if any(state[field] != pair[1] for field, pair in entry.changes.items()):
                return None  # changed by something that writes no journal
            state = {**state, **{field: pair[0] for field, pair in entry.changes.items()}}
            if state["created_at"] is None:
                return None
        return state if version_of(state) == version else None

    def _change(self, tasks: Iterable[Task], values: State, origin: ChangeContext, head: Head) -> list[JournalEntry]:
        values = {**values, "updated_at": to_rfc3339(timezone.now())} if values else {}
        steps = [Step(task.pk, state, {**state, **values}) for task in tasks for state in [task.state()]]
        return self._write([step for step in steps if step.changes], origin, head)

    def _write(
        self, steps: list[Step], origin: ChangeContext, head: Head, batch: uuid.UUID | None = None
    ) -> list[JournalEntry]:
        """Carry out the steps and append them to the journal behind its head, within the owner's turn."""
        deleted = [step.task_id for step in steps if step.after is None]
        for ids in batched(deleted, MAX_IDS, strict=False):
            self._all().filter(pk__in=ids).delete()
        created = [
            Task.of(self.owner, step.task_id, step.after) for step in steps if step.before is None and step.after
        ]
        self._all().bulk_create(created, batch_size=MAX_ROWS)
        grouped: dict[frozenset[tuple[str, str | None]], list[uuid.UUID]] = {}
        for step in steps:
            if step.before and step.after:
                grouped.setdefault(frozenset(step.after.items() - step.before.items()), []).append(step.task_id)
        for values, ids_in_group in grouped.items():
            for ids in batched(ids_in_group, MAX_IDS, strict=False):
                self._all().filter(pk__in=ids).update(**state_to_fields(dict(values)))
        return self._journal().append(steps, origin, head, batch) if steps else []


class TaskManager(OwnedManager["Task"]):
    def get_queryset(self) -> TaskQuerySet:
        return TaskQuerySet(self.model, using=self._db)

    def for_user(self, user_id: str) -> TaskQuerySet:
        return self.get_queryset().for_user(user_id)

    def none(self) -> TaskQuerySet:
        return self.get_queryset().none()

    def count_by_owner(self, user_ids: Iterable[str]) -> dict[str, int]:
        """How many tasks each of these users has, in one statement: staff see numbers, and no task."""
        owners = list(user_ids)
        counts = [When(pk=owner, then=Subquery(self.for_user(owner).counted())) for owner in owners]
        users = get_user_model().objects.filter(pk__in=owners)
        return dict(users.values_list("pk", Coalesce(Case(*counts), 0))) if owners else {}


class Task(OwnedBase):
    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        COMPLETED = "completed", _("Completed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(_("title"), max_length=255, validators=[require_visible])
    description = models.TextField(_("description"), null=True, blank=True)  # noqa: DJ001  NULL is "none" in the contract
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING
    )
    created_at = AutoTimestampField(_("created"), auto_now_add=True, db_default=Now())
    updated_at = AutoTimestampField(_("changed"), auto_now=True, db_default=Now())

    objects: ClassVar[TaskManager] = TaskManager()

    class Ownership:
        journal = ("title", "description", "status", "created_at", "updated_at")
        export = "tasks"

    class Meta(OwnedBase.Meta):
        abstract = False
        db_table = "task"
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="ix_task_user_id"),
            models.Index(fields=["user", "status", "-created_at", "-id"], name="ix_task_user_status"),
            models.Index(fields=["user", "-updated_at", "-id"], name="ix_task_user_changed"),
            models.Index("user", Lower("title"), "id", name="ix_task_user_title"),
        ]
        constraints = [
            models.CheckConstraint(name="chk_task_status", condition=models.Q(status__in=["pending", "completed"])),
            models.CheckConstraint(name="chk_task_title_not_empty", condition=GreaterThan(Length(Trim("title")), 0)),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("tasks:detail", args=[self.pk])

    @property
    def is_completed(self) -> bool:
        return self.status == self.Status.COMPLETED

    @property
    def version(self) -> int:
        """What an edit form remembers of the task it shows: its time of change in microseconds."""
        return version_of(self.state())

    def state(self) -> State:
        times = {"created_at": to_rfc3339(self.created_at), "updated_at": to_rfc3339(self.updated_at)}
        return {"title": self.title, "description": self.description, "status": self.status, **times}

    @classmethod
    def of(cls, user_id: str, task_id: uuid.UUID, state: State) -> Self:
        return cls(user_id=user_id, id=task_id, **state_to_fields(state))


@cache
def task_by_id_query(using: str) -> CompiledQuery:
    """What asks for one task of an owner."""
    owner: Any = Parameter("owner", Task._meta.get_field("user"))
    task_id: Any = Parameter("id", Task._meta.get_field("id"))
    return CompiledQuery.from_queryset(Task.objects.for_user(owner).using(using).filter(pk=task_id))


def state_to_fields(values: State) -> dict[str, Any]:
    """The values of a task's columns from those of a state."""
    return {
        field: datetime.fromisoformat(value) if value and field in TIMES else value for field, value in values.items()
    }


def deterministic_uuid(owner: str, *parts: str) -> uuid.UUID:
    """The id that this owner's task gets for these texts: the same each time, and nobody else can work it out."""
    digest = salted_hmac("tasks.deterministic_uuid", json.dumps([owner, *parts]), algorithm="sha256").digest()
    return uuid.UUID(bytes=digest[:16], version=5)


def version_of(state: State) -> int:
    since = datetime.fromisoformat(str(state["updated_at"])) - EPOCH
    return since // timedelta(microseconds=1)
