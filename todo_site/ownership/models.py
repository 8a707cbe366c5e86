"""Base models of rows that belong to one user. Their instance operations keep to the owner too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from .fields import AutoTimestampField
from .managers import OWNER, OwnedManager, OwnedQuerySet, UserIdRequired, is_creation_time, require_user_id


class OwnedBase(models.Model):
    """A row that belongs to one user for all its life. It is reached through ``objects.for_user(user_id)`` only.

    A concrete subclass has an inner class Ownership (see registry.Ownership). New tables start from OwnedModel.
    """

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
        """The owner's id. Raise UserIdRequired on an instance that was loaded without it."""
        if OWNER not in self.__dict__:  # a deferred owner: asking the database for it would need the owner
            raise UserIdRequired(f"only() and defer() must keep {OWNER} of a {type(self).__name__}.")
        return require_user_id(self.user_id, type(self))

    def to_export(self) -> dict[str, Any]:
        """Return the row as the JSON export shows it. Values that JSON lacks become text."""
        return {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}

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
        """Run the UPDATE of save() within the owner's rows, without the time of creation."""
        changes = [value for value in values if not is_creation_time(value[0])]
        return super()._do_update(base_qs.for_user(self.owner), using, pk_val, changes, *args, **kwargs)


class OwnedModel(OwnedBase):
    """What every new owned table starts from: an id that a form can carry, and both times."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = AutoTimestampField(_("created"), auto_now_add=True, db_default=Now())
    updated_at = AutoTimestampField(_("changed"), auto_now=True, db_default=Now())

    class Meta(OwnedBase.Meta):
        abstract = True
