"""Ids of other users in fields, queries and files: answered like ids that do not exist."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tasks.models import Task
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry
from todo_site.tests.personas import (
    Answer,
    Visitor,
    make_person,
    of_owner,
    taken_back,
)

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Place:
    """Where an id can stand besides the path, marked by ID."""

    path: str
    fields: dict[str, str] = field(default_factory=dict)
    file: str = ""
    adds: bool = False  # an id that is taken is replaced, by one statement more

    def ask(self, visitor: Visitor, **ids: str) -> list[Answer]:
        """The answer, and the pages on which something of it could be seen afterwards."""
        path, file = fill(self.path, ids), SimpleUploadedFile("tasks.json", fill(self.file, ids).encode())
        data = {name: fill(value, ids) for name, value in self.fields.items()} | ({"file": file} if self.file else {})
        answers = [visitor.ask("POST" if data else "GET", path, data)]
        return [
            *answers,
            *(visitor.ask("GET", page) for page in ("/", "/?status=all", "/trash/", "/history/", "/import/")),
        ]


def fill(text: str, ids: dict[str, str]) -> str:
    return re.sub("[A-Z]{2,}", lambda found: ids.get(found[0], found[0]), text)


EXPORTED = (
    '{"tasks": [{"id": "ID", "user_id": "USER", "title": "Mine", "description": null, "status": "pending",'
    ' "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}]}'
)
PLACES = [
    *(Place("/tasks/bulk/", {"task": "ID", "action": action}) for action in ("complete", "reopen", "delete")),
    *(
        Place(f"/?status=all&cursor={side}-{sort}-1700000000000000-HEX&sort={sort}")
        for side in ("next", "previous")
        for sort in ("newest", "oldest", "changed")
    ),
    Place("/?q=ID"),
    Place("/sign-in/?next=/tasks/ID/"),
    Place("/tasks/new/?next=/tasks/ID/edit/"),
    Place("/tasks/new/", {"id": "ID", "title": "Mine"}, adds=True),
    Place("/tasks/new/", {"title": "Mine", "user_id": "USER", "user": "USER", "next": "/undo/ID/"}),
    Place("/tasks/paste/", {"id": "ID", "lines": "Mine"}),
    Place(
        "/tasks/OWN/edit/", {"id": "ID", "task_id": "ID", "title": "Mine", "status": "pending", "version": "VERSION"}
    ),
    Place("/tasks/OWN/status/", {"status": "completed", "task": "ID", "next": "/tasks/ID/"}),
    Place("/undo/BATCH/", {"next": "/"}),
    Place("/trash/ID/restore/", {"next": "/tasks/ID/"}),
    Place("/import/", file=EXPORTED),
    Place("/settings/sessions/revoke/", {"session": "SESSION"}),
]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_answers_the_same_to_an_id_of_somebody_else_and_of_nobody(place: Place) -> None:
    victim, attacker = make_person("alice"), make_person("bob")
    Task.objects.for_user(victim.user.id).set_status("completed", ChangeContext())
    entry = JournalEntry.objects.for_user(victim.user.id).newest_first()[0]
    own = {"OWN": str(attacker.task.id), "VERSION": str(attacker.task.version)}
    theirs = {
        "ID": victim.task.id,
        "HEX": victim.task.id.hex,
        "BATCH": entry.id,
        "SESSION": victim.session.id,
        "USER": victim.user.id,
    }
    nobodys = {
        "ID": uuid.uuid4(),
        "HEX": uuid.uuid4().hex,
        "BATCH": uuid.uuid4(),
        "SESSION": "x",
        "USER": "y",
    }
    before = of_owner(victim)
    visitor = Visitor("bob", attacker, {"cookie": attacker.cookie, "hx-request": "true"})
    answers = []
    for ids in (theirs, nobodys):
        with taken_back():
            answers.append(place.ask(visitor, **own, **{name: str(value) for name, value in ids.items()}))
            assert of_owner(victim) == before
    same = [[replace(answer, queries=0).masked if place.adds else answer.masked for answer in each] for each in answers]
    assert same[0] == same[1]
    assert not [answer for answer in answers[0] if victim.words in answer.body or victim.account in answer.body]
