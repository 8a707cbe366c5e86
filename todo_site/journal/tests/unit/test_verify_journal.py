"""The chain of the journal, checked by the script that people may download: it needs nothing of the site."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db

SCRIPT = settings.BASE_DIR / "static" / "site" / "verify_journal.py"

type Entries = list[dict[str, Any]]


@pytest.fixture
def entries(alice: User) -> Entries:
    """Six entries, with what is awkward in text, as an export shows them."""
    tasks = Task.objects.for_user(alice.id)
    for title in ("Milk", "“Brot” 🎉 \u202e\\"):
        tasks.add(Task(user_id=alice.id, title=title, description="é\ne\u0301"), ChangeContext("r", "boss", "why <b>"))
    tasks.set_status("completed", ChangeContext())
    tasks.move_to_trash(ChangeContext())
    journal = JournalEntry.objects.for_user(alice.id).order_by("number")
    return [entry.to_export() for entry in journal]


def verify(folder: Path, entries: Entries, *head: str) -> tuple[int, str]:
    file = folder / "tasks.json"
    file.write_text(json.dumps({"journal": entries}, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-I", str(SCRIPT), str(file), *head]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout


def test_finds_nothing_wrong_with_what_was_written(entries: Entries, tmp_path: Path) -> None:
    assert verify(tmp_path, entries, entries[-1]["hash"]) == (0, "All 6 entries are valid.\n")
    assert verify(tmp_path, entries) == (0, "All 6 entries are valid.\n")
    assert verify(tmp_path, []) == (0, "All 0 entries are valid.\n")


FORGERIES: dict[str, Callable[[Entries], object]] = {
    "a word": lambda entries: entries[0]["changes"].update(title=[None, "Beer"]),
    "a time": lambda entries: entries[3].update(at="2001-01-01T00:00:00.000000Z"),
    "an owner": lambda entries: entries[1].update(user_id="bob"),
    "a reason": lambda entries: entries[1].update(reason="none"),
    "a hash": lambda entries: entries[2].update(hash="0" * 64),
    "taken out": lambda entries: entries.pop(2),
    "taken out at the start": lambda entries: entries.pop(0),
    "taken out at the end": lambda entries: entries.pop(),
    "put in": lambda entries: entries.insert(3, dict(entries[3])),
    "moved": lambda entries: entries.insert(1, entries.pop(4)),
    "renumbered": lambda entries: [entries.pop(1), *(e.update(number=n) for n, e in enumerate(entries, 1))],
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_finds_whatever_was_changed(entries: Entries, tmp_path: Path, forge: Callable[[Entries], object]) -> None:
    head = entries[-1]["hash"]
    forge(entries)
    assert verify(tmp_path, entries, head)[0] == 1


def test_documents_a_check_by_other_tools(entries: Entries, tmp_path: Path) -> None:
    text = (settings.BASE_DIR / "docs" / "journal.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "tasks.json").write_text(json.dumps({"journal": entries}), encoding="utf-8")
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == entries[-1]["hash"]
    line = next(line for line in text.splitlines() if line.startswith("64:"))
    expected = text.partition(line)[2].split()[1]
    assert hashlib.sha256(line.replace("\\n", "\n").encode()).hexdigest() == expected


def test_is_short_enough_to_be_read() -> None:
    assert len(SCRIPT.read_text().splitlines()) < 100
