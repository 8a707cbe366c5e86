from __future__ import annotations

import factory

from todo_site.journal.models import JournalEntry
from todo_site.ownership.tests.factories import OwnedFactory


class JournalEntryFactory(OwnedFactory[JournalEntry]):
    class Meta:
        model = JournalEntry

    number = factory.Sequence(lambda n: n + 1_000_000)  # behind the entries that the site writes itself
    verb = JournalEntry.Verb.VIEW
