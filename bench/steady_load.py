"""``make load``: thousands of people on the site as production runs it; a table of how long each action took.

Each of them does something every PAUSE seconds, over one of CLIENTS connections. The time of an action begins when it
was due, so a site that falls behind cannot hide it. Fails when an answer is an error, or when the 95th percentile of
any action is half a second or more. The clients take their share of the same processors. SECONDS, PAUSE and CLIENTS in
the environment change the load; without a pause each client sends as fast as it is answered.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import md5
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from time import monotonic, sleep
from urllib.parse import urlencode, urlsplit

import psycopg

from todo_site.better_auth import cookies
from todo_site.tests import environment  # noqa: F401  sets the secrets that the site and its clients share
from todo_site.tests.postgresql import own_server
from todo_site.tests.server import running_site

SECONDS = int(os.environ.get("SECONDS", "20"))
CLIENTS = int(os.environ.get("CLIENTS", "64"))
PAUSE = float(os.environ.get("PAUSE", "60"))
PEOPLE, TASKS = 2000, 20
WARM_UP = 5  # seconds that do not count: templates are compiled and connections made
LIMIT = 0.5  # seconds
ACTIONS = {"list": 8, "detail": 4, "create": 2, "edit": 2, "status": 2, "delete": 2}  # and how often each comes
CSRF = "c" * 32

FILL = f"""
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'person-' || n, 'Person ' || n, 'person' || n || '@example.org', true FROM generate_series(1, {PEOPLE}) n;
INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
SELECT 'session-' || n, 'token-' || n, 'person-' || n, now() + interval '7 days', now(), now()
FROM generate_series(1, {PEOPLE}) n;
INSERT INTO task (id, user_id, title, description, status, created_at)
SELECT md5(n || '/' || t)::uuid, 'person-' || n, 'Task ' || t, repeat('Some words. ', 10),
       CASE WHEN t % 4 = 0 THEN 'completed' ELSE 'pending' END, now() - t * interval '1 hour'
FROM generate_series(1, {PEOPLE}) n, generate_series(1, {TASKS}) t;
ANALYZE;
"""


@dataclass
class Client:
    """A connection over which people of its own go about their tasks, one after the other."""

    connection: HTTPConnection
    number: int
    due: float = 0
    start: float = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def work(self) -> None:
        dice = random.Random(self.number)
        tasks = {person: made(person) for person in range(1 + self.number, PEOPLE + 1, CLIENTS)}
        every = CLIENTS * PAUSE / PEOPLE
        begin = monotonic()
        self.start, self.due = begin + WARM_UP, begin + dice.uniform(0, every)
        while max(self.due, monotonic()) < self.start + SECONDS:
            sleep(max(0, self.due - monotonic()))
            self.act(dice, tasks)
            self.due = self.due + every if PAUSE else monotonic()

    def act(self, dice: random.Random, tasks: dict[int, list[str]]) -> None:
        person = dice.choice(list(tasks))
        (action,) = dice.choices(list(ACTIONS), ACTIONS.values())  # type: ignore[arg-type]
        if action == "create" or not tasks[person]:
            tasks[person].append(self.create(person))
            return
        task = dice.choice(tasks[person])
        match action:
            case "list":
                self.send(action, person, "/")
            case "detail":
                self.send(action, person, f"/tasks/{task}/")
            case "edit":
                page = self.send("form", person, f"/tasks/{task}/edit/")
                hidden = dict(re.findall(r'<input type="hidden" name="(version)" value="([^"]*)"', page))
                text = {"title": "Changed", "description": "With other words", "status": "pending"}
                self.send(action, person, f"/tasks/{task}/edit/", **hidden, **text)
            case "status":
                self.send(action, person, f"/tasks/{task}/status/", status=dice.choice(["pending", "completed"]))
            case "delete":
                tasks[person].remove(task)
                self.send(action, person, f"/tasks/{task}/delete/")

    def create(self, person: int) -> str:
        task = str(uuid.uuid4())
        self.send("create", person, "/tasks/new/", id=task, title="New", description="Just thought of it")
        return task

    def send(self, action: str, person: int, path: str, **form: str) -> str:
        headers = {"Cookie": f"better-auth.session_token={cookies.sign(f'token-{person}')}; csrftoken={CSRF}"}
        body = urlencode({"csrfmiddlewaretoken": CSRF, **form}) if form or action == "delete" else None
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request("POST" if body else "GET", path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if self.due > self.start:
            self.seconds[action].append(monotonic() - self.due)
        if action == "form":
            self.due = monotonic()  # it is sent at once
        if answer.status != (303 if body else 200):
            raise RuntimeError(f"{action} was answered with {answer.status}")
        return text


def made(person: int) -> list[str]:
    """The ids that FILL gives to the tasks of a person."""
    return [str(uuid.UUID(md5(f"{person}/{task}".encode()).hexdigest())) for task in range(1, TASKS + 1)]


def run(origin: str) -> dict[str, list[float]]:
    """Let all clients work; return the seconds of each action."""

    def work(number: int) -> Client:
        with closing(HTTPConnection(urlsplit(origin).netloc, timeout=60)) as connection:
            client = Client(connection, number)
            client.work()
            return client

    together: dict[str, list[float]] = defaultdict(list)
    with ThreadPoolExecutor(CLIENTS) as pool:
        for client in pool.map(work, range(CLIENTS)):
            for action, seconds in client.seconds.items():
                together[action] += seconds
    return together


def table(seconds: dict[str, list[float]]) -> Iterator[str]:
    yield "| action | requests | p50 ms | p95 ms | p99 ms |"
    yield "|---|---:|---:|---:|---:|"
    for action, times in seconds.items():
        parts = quantiles(times, n=100)
        yield f"| {action} | {len(times)} | " + " | ".join(f"{1000 * parts[n - 1]:.0f}" for n in (50, 95, 99)) + " |"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, own_server() as server:
        log = Path(folder) / "log"
        with running_site(log, DATABASE_URL=server.url, GUNICORN_CMD_ARGS="--max-requests=0") as origin:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(FILL)
            seconds = run(origin)
    print("\n".join(table(seconds)))
    slow = [action for action, times in seconds.items() if quantiles(times, n=100)[94] >= LIMIT]
    if slow:
        sys.exit(f"95 of 100 were not answered within {LIMIT} s: {', '.join(slow)}")


if __name__ == "__main__":
    main()
