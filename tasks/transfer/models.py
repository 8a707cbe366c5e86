"""The file of an import between the preview and the confirmation."""

from __future__ import annotations

import uuid
import zlib
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from todo_site.journal.changes import ChangeContext, journalled
from todo_site.ownership.managers import OwnedManager, OwnedQuerySet
from todo_site.ownership.models import OwnedBase


class PendingImportQuerySet(OwnedQuerySet["PendingImport"]):
    def store(self, name: str, content: bytes) -> PendingImport:
        """Store a file. It replaces the previous one."""
        with journalled(self.owner, self.db, ChangeContext(), lock=True):
            self.all().delete()
            return self.create(name=name, packed=zlib.compress(content, level=1))


class PendingImport(OwnedBase):
    """An uploaded file. It is in the database because another process or machine may handle the next request."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    packed = models.BinaryField(help_text="compressed by zlib")
    at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = OwnedManager.from_queryset(PendingImportQuerySet)()

    class Ownership:
        journal = ()
        export = None  # the owner has the file

    class Meta(OwnedBase.Meta):
        abstract = False
        db_table = "task_upload"
        verbose_name = _("file to import")
        verbose_name_plural = _("files to import")
        indexes = [models.Index(fields=["user"], name="ix_task_upload_user")]

    def __str__(self) -> str:
        return self.name

    @property
    def content(self) -> bytes:
        return zlib.decompress(self.packed)
