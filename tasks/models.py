from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Concat, Length, Lower, Trim
from django.db.models.lookups import GreaterThan
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from todo_site.journal.canonical import to_rfc3339
from todo_site.journal.models import State
from todo_site.ownership.managers import OwnedManager
from todo_site.ownership.models import OwnedModel

from .querysets import TaskQuerySet
from .state import get_version, state_to_fields
from .task_list.search import CaseAccentFold
from .transfer.contract import to_contract
from .transfer.models import PendingImport
from .validators import require_visible

__all__ = ["PendingImport", "Task"]  # Django imports this module to find the models of the app


class Task(OwnedModel):
    """A task of one user. Its row disappears when the task goes to the trash; the journal keeps its state."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        COMPLETED = "completed", _("Completed")

    title = models.CharField(_("title"), max_length=255, validators=[require_visible])
    description = models.TextField(_("description"), null=True, blank=True)  # noqa: DJ001  NULL is "none" in the contract
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING
    )
    # What a search reads: folding the texts of all tasks for each search would take several times as long.
    search_text = models.GeneratedField(
        expression=Concat(
            CaseAccentFold("title"), models.Value("\n", models.TextField()), CaseAccentFold("description")
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    objects: ClassVar = OwnedManager.from_queryset(TaskQuerySet)()

    class Ownership:
        journal = ("title", "description", "status")
        export = "tasks"

    class Meta(OwnedModel.Meta):
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
        """The version that an edit form carries: the time of the last change in microseconds."""
        return get_version(self.to_state())

    def to_state(self) -> State:
        """Return the columns as text, as the journal keeps them."""
        times = {"created_at": to_rfc3339(self.created_at), "updated_at": to_rfc3339(self.updated_at)}
        return {"title": self.title, "description": self.description, "status": self.status, **times}

    def to_export(self) -> dict[str, Any]:
        return to_contract(self.user_id, self.id, self.to_state())

    @classmethod
    def from_state(cls, user_id: str, task_id: uuid.UUID, state: State) -> Self:
        return cls(user_id=user_id, id=task_id, **state_to_fields(state))
