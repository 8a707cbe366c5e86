from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, transaction
from django.db.models import Case, Count, Subquery, When
from django.db.models.functions import Coalesce, Length, Now, Trim
from django.db.models.lookups import GreaterThan
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .managers import OWNER, OwnedManager, OwnedQuerySet, UserIdRequired, is_creation_time, require_user_id
from .text import require_visible


class OwnedModel(models.Model):
    """A row that belongs to one user for all its life. Reached through ``objects.for_user(user_id)`` only."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DB_CASCADE,
        related_name="+",
        db_index=False,
        editable=False,
        verbose_name=_("owner"),
    )
    user_id: str

    objects: ClassVar[OwnedManager[Self]] = OwnedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.owner  # noqa: B018  fail here, with words, and not on a constraint
        update_fields: Iterable[str] | None = kwargs.get("update_fields")
        if update_fields:
            touched = {field.name for field in self._meta.fields if getattr(field, "auto_now", False)}
            kwargs["update_fields"] = touched.union(update_fields)
        super().save(*args, **kwargs)

    @property
    def owner(self) -> str:
        """The owner's id. Raises UserIdRequired on an instance that was loaded without it."""
        if OWNER not in self.__dict__:  # a deferred owner: asking the database for it would need the owner
            raise UserIdRequired(f"only() and defer() must keep {OWNER} of a {type(self).__name__}.")
        return require_user_id(self.user_id, type(self))

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        rows = type(self).objects.for_user(self.owner).using(using or self._state.db)
        return rows.filter(pk=self.pk).delete()

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        rows = type(self).objects.all() if from_queryset is None else from_queryset
        if not isinstance(rows, OwnedQuerySet):
            raise UserIdRequired(f"refresh_from_db() needs {type(self).__name__}.objects.for_user() as its queryset.")
        super().refresh_from_db(using, fields, rows.for_user(self.owner))

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
        """The UPDATE of save(): only within the owner's rows, and never of the time of creation."""
        changes = [value for value in values if not is_creation_time(value[0])]
        return super()._do_update(base_qs.for_user(self.owner), using, pk_val, changes, *args, **kwargs)


class TaskQuerySet(OwnedQuerySet["Task"]):
    def pending(self) -> Self:
        return self.filter(status=Task.Status.PENDING)

    def completed(self) -> Self:
        return self.filter(status=Task.Status.COMPLETED)

    def counted(self) -> models.QuerySet[Task, Any]:
        """The number of rows, as a subquery of one row at the most."""
        return self.order_by().values("user_id").annotate(n=Count("*")).values("n")

    def add_once(self, task: Task) -> Task:
        """Insert a task that brings its own id, and return it; the task itself if it was inserted before.

        An id that is taken by somebody else is replaced, so that nobody learns of it.
        """
        self._refuse_other_owner({OWNER: task.user_id})
        try:
            with transaction.atomic(using=self.db):
                task.save(force_insert=True)
        except IntegrityError:
            if earlier := self.filter(pk=task.pk).first():
                return earlier
            task.pk = uuid.uuid4()
            task.save(force_insert=True)
        return task


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


class Task(OwnedModel):
    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        COMPLETED = "completed", _("Completed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(_("title"), max_length=255, validators=[require_visible])
    description = models.TextField(_("description"), null=True, blank=True)  # noqa: DJ001  NULL is "none" in the contract
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(_("changed"), auto_now=True, db_default=Now())

    objects: ClassVar[TaskManager] = TaskManager()

    class Meta(OwnedModel.Meta):
        abstract = False
        db_table = "task"
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="ix_task_user_id"),
            models.Index(fields=["user", "status", "-created_at", "-id"], name="ix_task_user_status"),
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

    def set_status(self, status: str) -> None:
        """Bring the task into the wanted state; nothing happens when it is there already."""
        if self.status != status:
            self.status = status
            self.save(update_fields=["status"])
