"""Many writers of one journal at once, and writers that are killed, on both databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from todo_site.journal.tests.chain import VERIFY
from todo_site.tests.management import manage
from todo_site.tests.server import migrated_database

WRITERS, ROUNDS = 8, 15
ROWS = 3000

COMMON = """
import json, sys, uuid
from concurrent.futures import ThreadPoolExecutor
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone
from tasks.models import Task
from todo_site.journal.changes import *
from todo_site.journal.models import *
ANN = "ann"
tasks = Task.objects.for_user(ANN)
"""
SIGN_UP = """
now = timezone.now()
values = {"name": "Ann", "email": "ann@example.org", "email_verified": True, "created_at": now, "updated_at": now}
user = get_user_model()(id=ANN, **values)
user.save(force_insert=True)
"""
WRITE_AT_ONCE = f"""
for n in range(20):
    tasks.add(Task(user_id=ANN, title=f"Task {{n}}"), ChangeContext())
ids = list(tasks.values_list("pk", flat=True))
def tick(writer):
    for n in range({ROUNDS}):
        tasks.change_status(ids[(writer + n) % 20], ["completed", "pending"][n % 2], ChangeContext(f"tick {{writer}}"))
def two_statements(writer):
    for n in range({ROUNDS}):
        with journalled(ANN, "default", ChangeContext(f"two {{writer}}"), lock=True):
            one, other = ids[(writer * 3 + n) % 20], ids[(writer * 7 + n + 1) % 20]
            for row in (one, other):
                Task.objects.for_user(ANN).filter(pk=row).update(title=f"{{writer}} {{n}} {{row}}")
def run(writer):
    try:
        (tick if writer % 2 else two_statements)(writer)
    finally:
        connection.close()
with ThreadPoolExecutor({WRITERS}) as pool:
    list(pool.map(run, range({WRITERS})))
"""
SHOW = """
head = JournalHead.objects.for_user(ANN).get()
entries = [entry.to_export() for entry in JournalEntry.objects.for_user(ANN).order_by("number")]
print(json.dumps({"head": head.hash, "number": head.number, "entries": entries, "tasks": tasks.count(),
                  "completed": tasks.completed().count()}))
"""
IMPORT = f"""
state = {{"description": None, "status": "pending", "created_at": "2026-01-01T00:00:00.000000Z",
         "updated_at": "2026-01-01T00:00:00.000000Z"}}
found = {{uuid.uuid5(uuid.NAMESPACE_URL, str(n)): {{**state, "title": f"Task {{n}}"}} for n in range({ROWS})}}
context = ChangeContext("r1").with_action(uuid.UUID(int=7))
tasks.import_tasks(found, context)
"""
COMPLETE = 'tasks.set_status("completed", ChangeContext("r2").with_action(uuid.UUID(int=8)))'
UNDO = 'tasks.undo(uuid.UUID(int=8), ChangeContext("r3").with_action(uuid.UUID(int=9)))'


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with migrated_database(tmp_path) as url:
        run(url, SIGN_UP)
        yield url


def environment(url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "DATABASE_URL_UNPOOLED": ""}


def run(url: str, *code: str) -> str:
    arguments = ("shell", "-v0", "--no-imports", "-c", COMMON + "\n".join(code))
    return manage(*arguments, environment=environment(url))


def look(url: str) -> dict[str, Any]:
    """Return the journal, after a check of its chain."""
    found: dict[str, Any] = json.loads(run(url, SHOW).strip().splitlines()[-1])
    assert VERIFY["check"](found["entries"], found["head"]) == ""
    assert len(found["entries"]) == found["number"]
    return found


def kill_in_the_middle(url: str, code: str) -> None:
    """Run the code in a process, and kill it as soon as one of its portions is committed."""
    say = "\nimport todo_site.journal.changes as changes, tasks.querysets as querysets\n"
    say += "journalled_by_site = querysets.journalled\n"
    say += "from contextlib import contextmanager\n"
    say += "@contextmanager\ndef told(*args, **kwargs):\n"
    say += "    with journalled_by_site(*args, **kwargs):\n        yield\n        print('writing', flush=True)\n"
    say += "querysets.journalled = told\n"
    command = [sys.executable, "manage.py", "shell", "-v0", "--no-imports", "-c", COMMON + say + code]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, env={**os.environ, **environment(url)}, text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        for _portion in range(2):
            assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_keeps_one_gapless_chain_under_eight_writers(database: str) -> None:
    run(database, WRITE_AT_ONCE)
    found = look(database)
    times = [entry["at"] for entry in found["entries"]]
    assert times == sorted(times)
    assert len(found["entries"]) > 20 + WRITERS * ROUNDS


@pytest.mark.parametrize("code", [IMPORT, COMPLETE], ids=["import", "complete"])
def test_leaves_whole_portions_when_killed_and_completes_when_sent_again(database: str, code: str) -> None:
    if code == COMPLETE:
        run(database, IMPORT)
    kill_in_the_middle(database, code)
    found = look(database)
    done = found["completed"] if code == COMPLETE else found["tasks"]
    assert done in {1000, 2000}
    run(database, code)
    found = look(database)
    assert (found["completed"] if code == COMPLETE else found["tasks"]) == ROWS
    action = "00000000-0000-0000-0000-00000000000" + ("8" if code == COMPLETE else "7")
    assert sum(entry["batch"] == action for entry in found["entries"]) == ROWS


def test_undoes_what_was_committed_as_one_action(database: str) -> None:
    run(database, IMPORT)
    kill_in_the_middle(database, COMPLETE)
    run(database, UNDO)
    found = look(database)
    assert (found["tasks"], found["completed"]) == (ROWS, 0)
