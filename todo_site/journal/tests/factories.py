"""Rows of the journal, as the database writes them: each is the note of a view."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS

from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry, JournalHead
from todo_site.journal.notes import record_view
from todo_site.ownership.tests.factories import OwnedFactory


class JournalEntryFactory(OwnedFactory[JournalEntry]):
    class Meta:
        model = JournalEntry

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        record_view(kwargs["user_id"], DEFAULT_DB_ALIAS, None, ChangeContext("r1", "Ann", "asked to"))
        return model_class.objects.for_user(kwargs["user_id"]).newest_first().first()


class JournalHeadFactory(OwnedFactory[JournalHead]):
    class Meta:
        model = JournalHead

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        JournalEntryFactory(user_id=kwargs["user_id"])
        return model_class.objects.for_user(kwargs["user_id"]).get()
