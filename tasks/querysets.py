"""What can be done with tasks. The database writes a journal entry for each row that changes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import batched
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.db.models import Case, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from todo_site.journal.changes import Change, ChangeContext, ChangedRow, journalled, set_undoes
from todo_site.journal.models import JournalEntry, JournalEntryQuerySet, State
from todo_site.ownership.compiled_queries import CompiledQuery
from todo_site.ownership.managers import OWNER, OwnedQuerySet
from todo_site.ownership.pipeline import fetch_all_in_pipeline

from . import compiled_writes
from .ids import deterministic_uuid
from .merge import find_base, merge_edit
from .state import state_to_fields, version_to_time
from .task_list.search import Search
from .undo import Reversal, build_undo_steps

if TYPE_CHECKING:
    from .models import Task

PORTION = 1000  # tasks that one transaction changes: other changes of the owner wait for no more
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

    def add(self, task: Task, context: ChangeContext) -> Change:
        """Add a task that has its id already. If it was added before, do nothing and return the earlier change.

        An id that another user's task has is replaced. The user cannot see that it was taken.
        """
        self._refuse_other_owner({OWNER: task.user_id})
        task.created_at = task.updated_at = timezone.now()
        if not (rows := self._add(task, context)):
            first = self._journal().filter(task_id=task.pk).order_by("number").first()
            if first is not None:
                return first.to_change()
            task.id = uuid.uuid4()
            rows = self._add(task, context)
        return Change(context.action, rows)

    def _add(self, task: Task, context: ChangeContext) -> list[ChangedRow]:
        fields = [field for field in self.model._meta.concrete_fields if not field.generated and field.name != "user"]
        values: dict[str, Any] = {field.name: getattr(task, field.attname) for field in fields}
        return self._send(compiled_writes.insert(self.model, self.db), context, lock=True, **values)

    def create_many(self, tasks: Mapping[uuid.UUID, State], context: ChangeContext) -> Change:
        """Add tasks that have their ids already. Those that were added before are unchanged, and are returned too."""
        entries = self._journal().filter(verb=JournalEntry.Verb.CREATE).order_by("number")
        for portion in batched(tasks.items(), PORTION, strict=False):
            with journalled(self.owner, self.db, context, lock=True):
                added = {entry.task_id for entry in entries.filter(task_id__in=[task_id for task_id, _ in portion])}
                self._add_all({task_id: state for task_id, state in portion if task_id not in added})
        return Change(context.action, [ChangedRow(task_id, str(state["title"])) for task_id, state in tasks.items()])

    def import_tasks(self, tasks: Mapping[uuid.UUID, State], context: ChangeContext) -> None:
        """Import tasks with their ids. Tasks that already exist are unchanged.

        If another user's task has one of the ids, all tasks of the portion get replacement ids. The user cannot see
        which id was taken. The replacements are the same each time, so that a file can be imported twice. If they are
        taken too, the tasks get new ids.
        """
        choices = (lambda task_id: task_id, self.replacement_id, lambda task_id: uuid.uuid4())
        for portion in batched(tasks.items(), PORTION, strict=False):
            for choose_id in choices:
                try:
                    self._import_portion(dict(portion), choose_id, context)
                    break
                except IntegrityError:
                    continue

    def _import_portion(
        self, tasks: Mapping[uuid.UUID, State], choose_id: Callable[[uuid.UUID], uuid.UUID], context: ChangeContext
    ) -> None:
        with journalled(self.owner, self.db, context, verb=JournalEntry.Verb.IMPORT, lock=True):
            existing = self.existing(tasks)
            self._add_all({choose_id(task_id): state for task_id, state in tasks.items() if task_id not in existing})

    def existing(self, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Task]:
        """Return the owner's tasks that were imported under these ids or their replacements, by the given id."""
        found = {}
        for some in batched(ids, PORTION, strict=False):
            imported = {self.replacement_id(task_id): task_id for task_id in some} | {
                task_id: task_id for task_id in some
            }
            for stored_ids in batched(imported, PORTION, strict=False):
                found.update({imported[task.pk]: task for task in self._all().filter(pk__in=stored_ids)})
        return found

    def replacement_id(self, task_id: uuid.UUID) -> uuid.UUID:
        """Return the id of an imported task whose own id is taken by another user's task."""
        return deterministic_uuid(self.owner, "taken", str(task_id))

    # Changing

    def edit(self, task_id: uuid.UUID, wanted: State, version: int | None, context: ChangeContext) -> Change:
        """Give a task these fields. The change is empty if the task already has them.

        ``version`` is the version that the form showed. Newer changes to other fields are kept. Raise EditConflict
        for newer changes to the same fields, and Task.DoesNotExist.
        """
        if version is not None and wanted.keys() == compiled_writes.EDITED:
            values: dict[str, Any] = {**wanted, "now": timezone.now(), "version": version_to_time(version)}
            if rows := self._send(compiled_writes.edit(self.model, self.db), context, id=task_id, **values):
                return Change(context.action, rows)
        return self._merge(task_id, wanted, version, context)

    def _merge(self, task_id: uuid.UUID, wanted: State, version: int | None, context: ChangeContext) -> Change:
        with journalled(self.owner, self.db, context, lock=True):
            task = self._all().get(pk=task_id)
            entries = self._journal().filter(task_id=task_id).newest_first()[:MAX_VERSIONS]
            values = merge_edit(task, wanted, find_base(task, version, entries))
            rows = self._change_fields([task_id], values) if values else []
        return Change(context.action, rows)

    def change_status(self, task_id: uuid.UUID, status: str, context: ChangeContext) -> Change:
        """Set the status of one task. The change is empty if the task already has it, or does not exist."""
        write = compiled_writes.change_status(self.model, self.db)
        return Change(context.action, self._send(write, context, id=task_id, status=status, now=timezone.now()))

    def set_status(self, status: str, context: ChangeContext) -> Change:
        """Set the status of every task in the queryset. Tasks that already have it are unchanged."""
        portion = self.exclude(status=status)._portion()
        write = portion.update_query("id", "title", status=status, updated_at=timezone.now())
        return Change(context.action, self._send_until_done(write, context))

    def trash(self, task_id: uuid.UUID, context: ChangeContext) -> Change:
        """Move one task to the trash. The change is empty if it does not exist."""
        return Change(context.action, self._send(compiled_writes.delete(self.model, self.db), context, id=task_id))

    def move_to_trash(self, context: ChangeContext) -> Change:
        """Move every task in the queryset to the trash."""
        return Change(context.action, self._send_until_done(self._portion().delete_query("id", "title"), context))

    # Undoing

    def undo(self, entry_or_action: uuid.UUID, context: ChangeContext) -> Change:
        """Revert an entry of the journal, or all entries of an action. The change is empty if that was done before.

        Raise JournalEntry.DoesNotExist, and CannotUndo if a newer change conflicts with an entry.
        """
        return self._revert(self._journal().named(entry_or_action).of_tasks(), context, entry_or_action)

    def restore(self, task_id: uuid.UUID, context: ChangeContext) -> Change:
        """Revert the last deletion of a task, as undo() does."""
        deletions = self._journal().filter(task_id=task_id, verb=JournalEntry.Verb.DELETE)
        with self._undoing(context):
            found, states = self._read_for_undo(deletions.newest_first()[:1])
            set_undoes(self.db, found[0].pk)
            return Change(context.action, self._apply(build_undo_steps(found, states)))

    def _revert(self, entries: JournalEntryQuerySet, context: ChangeContext, undoes: uuid.UUID) -> Change:
        with self._undoing(context, undoes):
            found, states = self._read_for_undo(entries.newest_first()[: PORTION + 1])
            if len(found) <= PORTION:
                return Change(context.action, self._apply(build_undo_steps(found, states)))
        numbers = entries.newest_first().values_list("number", flat=True)
        portions = [entries.filter(number__in=some).newest_first() for some in batched(numbers, PORTION, strict=False)]
        for portion in portions:  # raise CannotUndo before anything is changed
            build_undo_steps(*self._read_for_undo(portion))
        rows: list[ChangedRow] = []
        for portion in portions:
            with self._undoing(context, undoes):
                rows += self._apply(build_undo_steps(*self._read_for_undo(portion)))
        return Change(context.action, rows)

    def _undoing(self, context: ChangeContext, undoes: uuid.UUID | None = None) -> AbstractContextManager[None]:
        return journalled(self.owner, self.db, context, verb=JournalEntry.Verb.RESTORE, undoes=undoes, lock=True)

    def _read_for_undo(self, entries: JournalEntryQuerySet) -> tuple[list[JournalEntry], dict[uuid.UUID, State]]:
        """Return the entries, and the states of their tasks that are not in the trash."""
        found, tasks = fetch_all_in_pipeline(entries, self._all().filter(pk__in=entries.values("task_id")))
        if not found:
            raise JournalEntry.DoesNotExist
        return found, {task.pk: task.to_state() for task in tasks}

    # For staff

    def count_by_owner(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Return the number of tasks of each of these users, in one statement. Staff may see it without a reason."""
        owners = list(user_ids)
        counts = [When(pk=owner, then=Subquery(self.for_user(owner).counted())) for owner in owners]
        users = get_user_model().objects.filter(pk__in=owners)
        return dict(users.values_list("pk", Coalesce(Case(*counts), 0))) if owners else {}

    # Writing

    def _all(self) -> Self:
        return self.model.objects.for_user(self.owner).using(self.db)  # type: ignore[return-value]

    def _journal(self) -> JournalEntryQuerySet:
        return JournalEntry.objects.for_user(self.owner).using(self.db)

    def _portion(self) -> Self:
        """Return the tasks that one transaction changes."""
        return self._all().filter(pk__in=self.oldest_first().values("pk")[:PORTION])

    def _send(
        self, write: CompiledQuery, context: ChangeContext, *, lock: bool = False, **values: Any
    ) -> list[ChangedRow]:
        """Send a compiled write with its settings, in one round trip. Return the rows that it changed."""
        bound = write.bind(user=self.owner, **values)
        with journalled(self.owner, self.db, context, lock=lock, single=True):
            fetch = bound.send()
        return [ChangedRow(*row) for row in bound.rows(fetch)]

    def _send_until_done(self, write: CompiledQuery, context: ChangeContext) -> list[ChangedRow]:
        """Send a write of one portion until no task is left to change."""
        rows: list[ChangedRow] = []
        while portion := self._send(write, context):
            rows += portion
            if len(portion) < PORTION:
                break
        return rows

    def _apply(self, steps: list[Reversal]) -> list[ChangedRow]:
        """Write the steps, inside journalled()."""
        deleted = [step.task_id for step in steps if step.after is None]
        self._all().filter(pk__in=deleted).delete()
        self._add_all({step.task_id: step.after for step in steps if step.before is None and step.after})
        grouped: dict[frozenset[tuple[str, str | None]], list[uuid.UUID]] = {}
        for step in steps:
            if step.before and step.after:
                grouped.setdefault(frozenset(step.after.items() - step.before.items()), []).append(step.task_id)
        for values, ids in grouped.items():
            self._all().filter(pk__in=ids).update(**state_to_fields(dict(values)))
        return [ChangedRow(step.task_id, step.title) for step in steps]

    def _add_all(self, tasks: Mapping[uuid.UUID, State]) -> None:
        self._all().bulk_create([self.model.from_state(self.owner, *item) for item in tasks.items()])

    def _change_fields(self, ids: list[uuid.UUID], values: State) -> list[ChangedRow]:
        update = self._all().filter(pk__in=ids).update_query("id", "title", **values, updated_at=timezone.now())
        return fetch_rows(update)


def fetch_rows(write: CompiledQuery) -> list[ChangedRow]:
    return [ChangedRow(*row) for row in write.rows(write.send())]
