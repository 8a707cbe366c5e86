"""What can be done with tasks. Each verb writes the tasks and their journal entries in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Any, Self, cast

from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.db.models import Case, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from todo_site.journal.canonical import to_rfc3339
from todo_site.journal.models import (
    MAX_ROWS,
    ChangeContext,
    Head,
    JournalEntry,
    JournalEntryQuerySet,
    State,
    Step,
    earliest,
    turn_of,
)
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter
from todo_site.ownership.managers import OWNER, OwnedQuerySet

from .ids import deterministic_uuid
from .merge import find_base, merge_edit
from .state import state_to_fields
from .task_list.search import Search
from .undo import build_undo_steps

if TYPE_CHECKING:
    from .models import Task

MAX_IDS = 1000  # in one statement
MAX_VERSIONS = 1000  # that an edit form may be behind


class TaskQuerySet(OwnedQuerySet["Task"]):
    # Selecting

    def pending(self) -> Self:
        return self.filter(status=self.model.Status.PENDING)

    def completed(self) -> Self:
        return self.filter(status=self.model.Status.COMPLETED)

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "id")

    def matching(self, text: str) -> Self:
        """Return the tasks with every word of the text in the title or description. Case and accents are ignored."""
        return self.filter(Search.parse(text).condition)

    # Adding

    def add(self, task: Task, context: ChangeContext) -> JournalEntry:
        """Add a task that has its id already. If it was added before, do nothing and return the earlier entry.

        An id that another user's task has is replaced. The user cannot see that it was taken.
        """
        self._refuse_other_owner({OWNER: task.user_id})
        try:
            return self._add(task, context)
        except IntegrityError:
            task.id = uuid.uuid4()
            return self._add(task, context)

    def _add(self, task: Task, context: ChangeContext) -> JournalEntry:
        earlier = earliest(self.db).bind(owner=self.owner, task_id=task.pk)
        with turn_of(self.owner, self.db, earlier) as (head, added):
            if added:
                return cast(JournalEntry, added[0])
            task.created_at = task.updated_at = timezone.now()
            return self._write([Step(task.id, None, task.to_state())], context, head)[0]

    def create_many(self, tasks: Mapping[uuid.UUID, State], context: ChangeContext) -> list[JournalEntry]:
        """Add tasks that have their ids already. Return the entries of those that were not added before.

        If all were added before, return the earlier entries.
        """
        earlier = self._journal().filter(task_id__in=list(tasks), verb=JournalEntry.Verb.CREATE).order_by("number")
        with turn_of(self.owner, self.db, earlier) as (head, added):
            known = {entry.task_id: entry for entry in added}
            steps = [Step(task_id, None, state) for task_id, state in tasks.items() if task_id not in known]
            return self._write(steps, context, head) or list(known.values())

    def import_tasks(
        self, tasks: Mapping[uuid.UUID, State], context: ChangeContext, batch: uuid.UUID
    ) -> list[JournalEntry]:
        """Import tasks with their ids. Tasks that already exist are unchanged.

        If another user's task has one of the ids, all tasks get replacement ids. The user cannot see which id was
        taken. The replacements are the same each time, so that a file can be imported twice. If they are taken too,
        all tasks get new ids.
        """
        for choose_id in (lambda task_id: task_id, self.replacement_id):
            try:
                return self._import_tasks(tasks, choose_id, context, batch)
            except IntegrityError:
                continue
        return self._import_tasks(tasks, lambda task_id: uuid.uuid4(), context, batch)

    def _import_tasks(
        self,
        tasks: Mapping[uuid.UUID, State],
        choose_id: Callable[[uuid.UUID], uuid.UUID],
        context: ChangeContext,
        batch: uuid.UUID,
    ) -> list[JournalEntry]:
        with turn_of(self.owner, self.db) as (head,):
            existing = self.existing(tasks)
            created = {task_id: state for task_id, state in tasks.items() if task_id not in existing}
            steps = [Step(choose_id(task_id), None, state, is_import=True) for task_id, state in created.items()]
            return self._write(steps, context, head, batch)

    def existing(self, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Task]:
        """Return the owner's tasks that were imported under these ids or their replacements, by the given id."""
        found = {}
        for some in batched(ids, MAX_IDS, strict=False):
            imported = {self.replacement_id(task_id): task_id for task_id in some} | {
                task_id: task_id for task_id in some
            }
            for stored_ids in batched(imported, MAX_IDS, strict=False):
                found.update({imported[task.pk]: task for task in self._all().filter(pk__in=stored_ids)})
        return found

    def replacement_id(self, task_id: uuid.UUID) -> uuid.UUID:
        """Return the id of an imported task whose own id is taken by another user's task."""
        return deterministic_uuid(self.owner, "taken", str(task_id))

    # Changing

    def edit(
        self, task_id: uuid.UUID, wanted: State, version: int | None, context: ChangeContext
    ) -> list[JournalEntry]:
        """Give a task these fields. Return the entry, or nothing if the task already has them.

        ``version`` is the version that the form showed. Newer changes to other fields are kept. Raise EditConflict
        for newer changes to the same fields, and Task.DoesNotExist.
        """
        task_query = task_by_id_query(self.model, self.db).bind(owner=self.owner, id=task_id)
        with turn_of(self.owner, self.db, task_query) as (head, found):
            if not found:
                raise self.model.DoesNotExist
            (task,) = found
            entries = self._journal().filter(task_id=task_id).newest_first()[:MAX_VERSIONS]
            return self._change([task], merge_edit(task, wanted, find_base(task, version, entries)), context, head)

    def set_status(self, status: str, context: ChangeContext) -> list[JournalEntry]:
        """Set the status of every task in the queryset. Tasks that already have it are unchanged."""
        with turn_of(self.owner, self.db, self.exclude(status=status).oldest_first()) as (head, tasks):
            return self._change(tasks, {"status": status}, context, head)

    def move_to_trash(self, context: ChangeContext) -> list[JournalEntry]:
        """Move every task in the queryset to the trash."""
        with turn_of(self.owner, self.db, self.oldest_first()) as (head, tasks):
            return self._write([Step(task.pk, task.to_state(), None) for task in tasks], context, head)

    # Undoing

    def undo(self, entry_or_batch: uuid.UUID, context: ChangeContext) -> list[JournalEntry]:
        """Revert an entry of the journal, or all entries of a batch. Return no entry if that was done before.

        Raise JournalEntry.DoesNotExist, and CannotUndo if a newer change conflicts with an entry.
        """
        return self._revert(self._journal().named(entry_or_batch).of_tasks().newest_first(), context)

    def restore(self, task_id: uuid.UUID, context: ChangeContext) -> list[JournalEntry]:
        """Revert the last deletion of a task, as undo() does."""
        deletions = self._journal().filter(task_id=task_id, verb=JournalEntry.Verb.DELETE)
        return self._revert(deletions.newest_first()[:1], context)

    def _revert(self, entries: JournalEntryQuerySet, context: ChangeContext) -> list[JournalEntry]:
        tasks = self._all().filter(pk__in=entries.values("task_id"))
        with turn_of(self.owner, self.db, entries, tasks) as (head, found, existing):
            if not found:
                raise JournalEntry.DoesNotExist
            return self._write(build_undo_steps(found, {task.pk: task.to_state() for task in existing}), context, head)

    # For staff

    def record_view(self, task_id: uuid.UUID | None, context: ChangeContext) -> None:
        """Add a journal entry that a member of the staff viewed a task, or the task list."""
        with turn_of(self.owner, self.db) as (head,):
            self._journal().record_view(task_id, context, head)

    def count_by_owner(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Return the number of tasks of each of these users, in one statement. Staff may see it without a reason."""
        owners = list(user_ids)
        counts = [When(pk=owner, then=Subquery(self.for_user(owner).counted())) for owner in owners]
        users = get_user_model().objects.filter(pk__in=owners)
        return dict(users.values_list("pk", Coalesce(Case(*counts), 0))) if owners else {}

    # Writing

    def _all(self) -> TaskQuerySet:
        return self.model.objects.for_user(self.owner).using(self.db)

    def _journal(self) -> JournalEntryQuerySet:
        return JournalEntry.objects.for_user(self.owner).using(self.db)

    def _change(self, tasks: Iterable[Task], values: State, context: ChangeContext, head: Head) -> list[JournalEntry]:
        values = {**values, "updated_at": to_rfc3339(timezone.now())} if values else {}
        steps = [Step(task.pk, state, {**state, **values}) for task in tasks for state in [task.to_state()]]
        return self._write([step for step in steps if step.changes], context, head)

    def _write(
        self, steps: list[Step], context: ChangeContext, head: Head, batch: uuid.UUID | None = None
    ) -> list[JournalEntry]:
        """Write the steps to the tasks and append them to the journal, inside turn_of()."""
        deleted = [step.task_id for step in steps if step.after is None]
        for ids in batched(deleted, MAX_IDS, strict=False):
            self._all().filter(pk__in=ids).delete()
        created = [
            self.model.from_state(self.owner, step.task_id, step.after)
            for step in steps
            if step.before is None and step.after
        ]
        self._all().bulk_create(created, batch_size=MAX_ROWS)
        grouped: dict[frozenset[tuple[str, str | None]], list[uuid.UUID]] = {}
        for step in steps:
            if step.before and step.after:
                grouped.setdefault(frozenset(step.after.items() - step.before.items()), []).append(step.task_id)
        for values, ids_in_group in grouped.items():
            for ids in batched(ids_in_group, MAX_IDS, strict=False):
                self._all().filter(pk__in=ids).update(**state_to_fields(dict(values)))
        return self._journal().append(steps, context, head, batch) if steps else []


@cache
def task_by_id_query(model: type[Task], using: str) -> CompiledQuery:
    """Return the query for one task of an owner, with the parameters ``owner`` and ``id``."""
    owner: Any = Parameter("owner", model._meta.get_field("user"))
    task_id: Any = Parameter("id", model._meta.get_field("id"))
    return CompiledQuery.from_queryset(model.objects.for_user(owner).using(using).filter(pk=task_id))
