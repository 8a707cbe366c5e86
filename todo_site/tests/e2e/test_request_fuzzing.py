"""Real gunicorn against thousands of malformed requests: it always answers, and never with an error or foreign data.

``make test-all FULL=1`` sends 20,000 of them. FUZZ_SEED chooses which.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from todo_site.tests.personas import ACCOUNTS, TABLES
from todo_site.tests.programs.request_fuzzing import FORM, TOKEN, TYPED, Answer, Request, Target, make, send
from todo_site.tests.routes import POLICIES, ROUTES
from todo_site.tests.server import migrated_database, start_server
from todo_site.web.redirects import is_local_path

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "600"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
TOGETHER = 20  # requests between two looks at the tables
SECRET = "alices-words"


@dataclass
class Person:
    """Somebody with a browser, at a site that runs."""

    port: int
    name: str
    cookie: str = ""

    def post(self, path: str, **fields: str) -> None:
        body = urlencode({"csrfmiddlewaretoken": TOKEN, **fields})
        headers = {"Content-Type": FORM, "Cookie": f"csrftoken={TOKEN}; {self.session}"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            assert answer.status == 303, answer.read()
            for line in answer.headers.get_all("Set-Cookie") or []:
                if found := re.match("better-auth.session_token=([^;]+)", line):
                    self.cookie = found[1]

    @property
    def session(self) -> str:
        return f"better-auth.session_token={self.cookie}"

    @property
    def email(self) -> str:
        return f"{self.name}-account@example.org"


def tables(database: str) -> dict[str, list[Any]]:
    """Everything in the site's database that belongs to anybody."""
    if database.startswith("sqlite:"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file:
            return {name: file.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in NAMES}
    with psycopg.connect(database) as server:
        return {name: server.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in NAMES}


NAMES = [*TABLES, *ACCOUNTS]


@dataclass
class FuzzedSite:
    """The site, what it keeps, and the two people on it: Alice, and Bob with whose session it is attacked."""

    target: Target
    database: str
    log: Path
    alice: Person
    bob: Person


@pytest.fixture(scope="module")
def fuzzed_site(tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[FuzzedSite]:
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with (
        migrated_database(tmp_path_factory.mktemp("site")) as database,
        start_server(log, DATABASE_URL=database) as server,
    ):
        alice, bob = (Person(server.port, name) for name in ("alice", "bob"))
        for person in (alice, bob):
            person.post("/sign-up/", name=person.name, email=person.email, password="correct horse battery")
        for number in range(3):
            alice.post("/tasks/new/", title=f"{SECRET} {number}", description=SECRET)
        ids = [str(uuid.UUID(str(row[0]))) for row in tables(database)["task"]]
        alice.post(f"/tasks/{ids[0]}/delete/")
        ids += [str(uuid.UUID(str(row[0]))) for row in tables(database)["task_event"]]
        routes = [route for route in ROUTES if route not in {"sign-out/", "admin/logout/"}]
        yield FuzzedSite(Target(server.port, routes, bob.cookie, ids), database, log, alice, bob)


def alices(rows: dict[str, list[Any]]) -> str:
    """What belongs to Alice."""
    ((owner, *_),) = [row for row in rows['"user"'] if "alice-account@example.org" in map(str, row)]
    return str([row for name in NAMES for row in rows[name] if owner in row])


def problems(request: Request, answer: Answer) -> Iterator[str]:
    """What is wrong with an answer."""
    headers = answer.headers
    said = str(headers).encode() + answer.body
    is_file = request.path.startswith((b"/static/", b"/manifest"))
    is_page = request.method in {"GET", "POST"} and not request.path.startswith(b"/csp-report")
    if answer.status not in range(200, 500) and answer.status not in {501, 505}:
        yield f"status {answer.status}"
    yield from (words for words in (SECRET, "alice-account", "Traceback") if words.encode() in said)
    if TYPED in headers.get("Set-Cookie", "") or not is_local_path(headers.get("Location", "/").partition("?")[0]):
        yield "header"
    if "X-Request-ID" in headers and not is_file:
        yield from (name for name, value in POLICIES.items() if headers.get(name) != value)
        yield from (word for word in ("private", "no-store") if word not in headers["Cache-Control"])
    if answer.status in {400, 403, 404, 413, 414, 415, 429, 431} and is_page and b"<h1>" not in answer.body:
        yield f"no words with {answer.status}"


def test_answers_every_request_and_reveals_nothing(fuzzed_site: FuzzedSite) -> None:
    dice, statuses, found = random.Random(SEED), Counter[int](), list[tuple[str, Request]]()
    before = tables(fuzzed_site.database)
    for _ in range(0, REQUESTS, TOGETHER):
        requests = [make(dice, fuzzed_site.target) for _ in range(TOGETHER)]
        for may_change in (False, True):
            those = [request for request in requests if request.may_change is may_change]
            for request in those:
                answer = send(fuzzed_site.target.port, request)
                statuses[answer.status] += 1
                found += [(problem, request) for problem in problems(request, answer)]
            after = tables(fuzzed_site.database)
            assert alices(after) == alices(before)
            assert may_change or after == before, those
        before = after
    assert found == []
    print(f"{statuses.total()} requests:", dict(sorted(statuses.items())))
    assert {200, 302, 303, 400, 401, 403, 404, 405, 413, 414, 415, 422, 431} <= statuses.keys()


def test_logs_no_private_data(fuzzed_site: FuzzedSite) -> None:
    lines = [json.loads(line) for line in fuzzed_site.log.read_text().splitlines() if line.startswith("{")]
    assert [line for line in lines if "stack" in line] == []
    text = fuzzed_site.log.read_text()
    private = [
        SECRET,
        TYPED,
        "-account@",
        fuzzed_site.alice.cookie[:32],
        fuzzed_site.bob.cookie[:32],
        TOKEN,
        "Traceback",
    ]
    assert [words for words in private if words in text] == []
