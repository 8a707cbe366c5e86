"""Row-level security alone, with the owned manager's WHERE taken out: nobody sees or changes anybody else's rows."""

from __future__ import annotations

import http.client
import os
import random
import re
import subprocess
import sys
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.db import connection

from tasks.tests.factories import make_task
from todo_site.better_auth import signed_cookies
from todo_site.better_auth.tests.factories import make_session, make_user
from todo_site.tests.postgresql import address, is_pooled, new_database, pooled
from todo_site.tests.server import ROOT, start_server

pytestmark = pytest.mark.postgresql

ACROSS_USERS = [
    "tasks/task_list/tests/unit/test_list_page.py",
    "tasks/tests/unit/test_forms.py",
]
REQUESTS = int(os.environ.get("POOLER_REQUESTS", "1000"))
PEOPLE, AT_ONCE = 50, 20
CSRF = "c" * 32
MARK = re.compile(r"of-person-(\d+)-")


@pytest.mark.parametrize(("layer", "outcome"), [("true", pytest.ExitCode.OK), ("false", pytest.ExitCode.TESTS_FAILED)])
def test_is_what_every_test_across_users_passes_with_and_fails_without(layer: str, outcome: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--exitfirst", "--row-level-security-only", *ACROSS_USERS]
    with new_database() as url:
        environment = {**os.environ, "DATABASE_URL": pooled(url), "ROW_LEVEL_SECURITY": layer}
        done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == outcome, done.stdout


@dataclass
class Visitor:
    """One of the people, whose every word begins with their mark."""

    number: int
    user_id: str
    cookie: str
    tasks: list[str]
    kept: set[str]  # tasks that only others will try to touch

    @property
    def mark(self) -> str:
        return f"of-person-{self.number}-"


@dataclass
class Visits:
    """Requests of many people, mixed at random, over one connection."""

    connection: http.client.HTTPConnection
    visitors: list[Visitor]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)  # answers with somebody else's rows in them

    def send(self, visitor: Visitor, action: str, path: str, **fields: str) -> str:
        """One request as this visitor; notes whose rows are in the answer."""
        headers = {"Cookie": f"better-auth.session_token={visitor.cookie}; csrftoken={CSRF}"}
        if fields:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({"csrfmiddlewaretoken": CSRF, **fields})
            self.connection.request("POST", path, body, headers)
        else:
            self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        self.answers[action, answer.status] += 1
        if set(MARK.findall(text)) - {str(visitor.number)}:
            self.foreign.append(f"{visitor.mark} {path}")
        return text

    def visit(self, number: int) -> None:
        dice = random.Random(number)
        visitor, other = dice.sample(self.visitors, 2)
        whose = dice.choice(["own", "other's", "nobody's"])
        task = {
            "own": dice.choice(visitor.tasks),
            "other's": dice.choice([*other.tasks, *other.kept]),
            "nobody's": str(uuid.UUID(int=dice.getrandbits(128))),
        }[whose]
        text = {"title": f"{visitor.mark}{number}", "description": f"{visitor.mark} wrote this"}
        match dice.choice(["list", "list", "detail", "detail", "new", "edit", "status", "delete", "restore"]):
            case "list":
                self.send(
                    visitor, "list", dice.choice(["/", "/?status=completed", "/?status=all", "/trash/", "/history/"])
                )
            case "detail":
                self.send(visitor, f"detail {whose}", f"/tasks/{task}/")
            case "new":
                self.send(visitor, "new", "/tasks/new/", **text)
            case "edit":
                page = self.send(visitor, f"form {whose}", f"/tasks/{task}/edit/")
                version = dict(re.findall(r'name="(version)" value="(\d+)"', page))
                self.send(visitor, f"edit {whose}", f"/tasks/{task}/edit/", **text, **version, status="pending")
            case "status":
                status = dice.choice(["pending", "completed"])
                self.send(visitor, f"status {whose}", f"/tasks/{task}/status/", status=status)
            case "delete":
                self.send(visitor, f"delete {whose}", f"/tasks/{task}/delete/", next="/")
            case "restore":
                self.send(visitor, f"restore {whose}", f"/trash/{task}/restore/", next="/")


def make_visitor(number: int) -> Visitor:
    user = make_user()
    made = [str(make_task(user.id, title=f"of-person-{number}-{n}").id) for n in range(12)]
    cookie = signed_cookies.sign(make_session(user=user).token)
    return Visitor(number, user.id, cookie, tasks=made[:10], kept=set(made[10:]))


def rows(database: str) -> dict[str, tuple[Any, ...]]:
    with psycopg.connect(database) as server:
        found = server.execute("SELECT id::text, user_id::text, title, description, status, updated_at FROM task")
        return {row[0]: row[1:] for row in found}


def journal(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as server:
        return server.execute("SELECT user_id::text, task_event::text FROM task_event").fetchall()


def server_connections(database: str) -> int:
    """How many connections the site's many have become behind the pooler."""
    with psycopg.connect(database) as server:
        query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'todo'"
        return server.execute(query).rowcount


def add_column(database: str) -> None:
    """As a plugin of Better Auth does it: a prepared SELECT of all columns is no longer valid."""
    with psycopg.connect(database) as server:
        server.execute('ALTER TABLE "user" ADD COLUMN IF NOT EXISTS "nickname" text')


@pytest.mark.skipif(not is_pooled(), reason="needs PgBouncer; without it all tests went straight to PostgreSQL")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("settings", "share"),
    [
        pytest.param({}, 1, id="a pooler"),
        pytest.param({"DB_PREPARED_STATEMENTS": "true"}, 2, id="prepared statements", marks=pytest.mark.thorough),
    ],
)
def test_keeps_many_people_apart_through(
    tmp_path: Path, collected_static_files: None, settings: dict[str, str], share: int
) -> None:
    visitors = [make_visitor(number) for number in range(PEOPLE)]
    database = address(connection.settings_dict["NAME"])
    before = rows(database)
    with start_server(
        tmp_path / "log",
        application="todo_site.tests.row_level_security_only:site()",
        DATABASE_URL=database,
        GUNICORN_CMD_ARGS=f"--threads={AT_ONCE // 2}",
        **settings,
    ) as server:

        def visit(first: int) -> Visits:
            with closing(http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=60)) as connection:
                visits = Visits(connection, visitors)
                for number in range(first, REQUESTS // share, AT_ONCE):
                    visits.visit(number)
            return visits

        start = monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(visit, number) for number in range(AT_ONCE)]
            add_column(database)
            everything = [one.result() for one in running]
        seconds = monotonic() - start
        used = server_connections(database)
    after = rows(database)

    answers = sum((visits.answers for visits in everything), Counter[tuple[str, int]]())
    print(f"{answers.total()} requests in {seconds:.0f} s:", dict(sorted(answers.items())))
    assert used > 0
    assert settings or used <= 4
    assert [path for visits in everything for path in visits.foreign] == []
    assert {status for action, status in answers if action.endswith(("other's", "nobody's"))} == {404}
    assert {status for _action, status in answers} <= {200, 303, 404, 409}
    marks = {visitor.user_id: str(visitor.number) for visitor in visitors}
    words = [(row[0], f"{row[1]} {row[2]}") for row in after.values()] + journal(database)
    assert [text for user_id, text in words if set(MARK.findall(text)) - {marks[user_id]}] == []
    kept = {task for visitor in visitors for task in visitor.kept}
    assert {task: after.get(task) for task in kept} == {task: before[task] for task in kept}
