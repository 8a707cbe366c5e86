"""The journal: an append-only log of the changes to each user's tasks.

Undo, the trash, the history of a task and its time of completion are read from it.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from todo_site.ownership.managers import OwnedManager, OwnedQuerySet
from todo_site.ownership.models import OwnedBase

from .canonical import to_rfc3339
from .changes import Change, ChangedRow

# A task's columns as text. Times are RFC 3339 in UTC with microseconds.
type State = dict[str, str | None]


PREFIX = "database role "  # of ``staff`` where no action of a person is behind an entry


class CannotUndo(Exception):
    """Raised when a newer change prevents undo. The message is shown to the user."""


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

    def last_number(self) -> int:
        return self.newest_first().values_list("number", flat=True).first() or 0


class JournalEntry(OwnedBase):
    """An entry of the owner's journal. The database writes it. It rejects updates, and deletions of single entries."""

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
    table_name = models.CharField(max_length=63, default="task", db_default="task", help_text="of the changed row")
    task_id = models.UUIDField(null=True, help_text="of the changed row; no foreign key: the entry outlives its row")
    verb = models.CharField(max_length=16, choices=Verb)
    changes = models.JSONField(default=dict, help_text="field: [from, to]")
    at = models.DateTimeField(default=timezone.now)
    staff = models.CharField(max_length=255, default="", help_text="who, if not the owner")
    reason = models.CharField(max_length=500, default="")
    request_id = models.CharField(max_length=64, default="")
    batch = models.UUIDField(null=True, help_text="the action: shared by all entries that were made at once")
    undoes = models.UUIDField(null=True, help_text="the entry or the action that this one reverts")
    form = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="which canonical form is hashed")
    salt = models.UUIDField(null=True, help_text="random; hashed with the changes")
    fields_hash = models.CharField(max_length=64, default="", db_default="", help_text="hash of salt and changes")
    hash = models.CharField(max_length=64, default="", help_text="hash of the entry and of the previous hash")

    objects: ClassVar = OwnedManager.from_queryset(JournalEntryQuerySet)()

    class Ownership:
        journal = ()
        export = "journal"
        order = ("number",)
        read_only = True

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

    def to_export(self) -> dict[str, Any]:
        """Return all that verify_journal.py needs. An entry of the first form has no later columns."""
        entry = {
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
            "hash": self.hash,
        }
        if self.form == 1:
            return entry
        hashed = {"salt": self.salt and str(self.salt), "fields_hash": self.fields_hash}
        return {**entry, "form": self.form, "table_name": self.table_name, **hashed}

    @property
    def title(self) -> str:
        """Return the task's title if the entry contains it: one that changed the title does."""
        before, after = self.changes.get("title", ["", ""])
        return str(after or before)

    @property
    def database_role(self) -> str:
        """Return the role that changed the row by SQL, without this site, or ""."""
        return "" if self.batch else self.staff.removeprefix(PREFIX) if self.staff.startswith(PREFIX) else ""

    def to_change(self) -> Change:
        """Return the change of this entry's row: the whole action undoes it, or the entry of an older version."""
        return Change(self.batch or self.pk, [ChangedRow(self.task_id or self.pk, self.title)])

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
        if state["updated_at"] != after.get("updated_at"):  # a newer change set other fields, which are kept
            before["updated_at"] = to_rfc3339(timezone.now())
        return {**state, **before}


class JournalHead(OwnedBase):
    """The newest entry of a journal, and how often rows without a journal changed. Its row is the owner's lock."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.DB_CASCADE,
        related_name="+",
        editable=False,
        verbose_name=gettext_lazy("owner"),
    )
    number = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    version = models.PositiveBigIntegerField(default=0, db_default=0)

    class Ownership:
        derived = True

    class Meta(OwnedBase.Meta):
        abstract = False
        db_table = "journal_head"

    def __str__(self) -> str:
        return f"{self.number} {self.version}"
