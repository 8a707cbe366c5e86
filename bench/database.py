"""Who is in the database of the benchmark and what they own, and the cookies that their browsers would send."""

from __future__ import annotations

import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import psutil
import psycopg

from todo_site.better_auth import cookies
from todo_site.tests.postgresql import OwnServer

PEOPLE = int(os.environ.get("PEOPLE", "1000"))
USUAL = 300
MOST = int(os.environ.get("MOST", "1000000"))
FEW, MANY = 10, min(100_000, MOST)
# By the number of tasks that they own: the first of the many people, and three more behind them.
OWNERS = {FEW: PEOPLE + 1, USUAL: 1, MANY: PEOPLE + 2, MOST: PEOPLE + 3}
CSRF = "c" * 32
FIRST = "00000000-0000-0000-0000-000000000000"

FILL = """
SET synchronous_commit = off;
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'person-' || n, 'Person ' || n, 'person' || n || '@example.org', true FROM generate_series(1, {people}) n;
INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
SELECT 'session-' || id, 'token-' || id, id, now() + interval '7 days', now(), now() FROM "user";
"""
FILL_TASKS = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT md5(p || '/' || t)::uuid, 'person-' || p, 'Task ' || t, CASE WHEN t % 4 = 1 THEN repeat('Some words. ', 10) END,
       CASE WHEN t % 4 = 0 THEN 'completed' ELSE 'pending' END,
       now() - t * interval '1 hour', now() - t * interval '1 hour'
FROM generate_series({first}, {last}) p, generate_series(1, {tasks}) t;
"""
SLICE = """
SELECT id::text, user_id, status, updated_at FROM task WHERE id > %s AND user_id <> ALL (%s) ORDER BY id LIMIT %s
"""


def fill(server: OwnServer) -> None:
    owned = [(1, PEOPLE, USUAL), *((number, number, tasks) for tasks, number in OWNERS.items() if tasks != USUAL)]
    statements = [FILL.format(people=PEOPLE + 3)]
    statements += [FILL_TASKS.format(first=first, last=last, tasks=tasks) for first, last, tasks in owned]
    server.run_sql("".join(statements), "VACUUM ANALYZE", "CHECKPOINT")


@dataclass(frozen=True)
class Owned:
    """A task that is about to be asked for."""

    id: str
    person: int
    status: str
    updated_at: datetime

    @property
    def version(self) -> int:
        return round(self.updated_at.timestamp() * 1_000_000)


class People:
    """The people of the benchmark. One slice after another of their tasks is given out, none twice in a slice."""

    def __init__(self, url: str) -> None:
        self.database: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        (folder,) = self.database.execute("SHOW data_directory").fetchone() or ("",)
        self.postmaster = psutil.Process(int((Path(folder) / "postmaster.pid").read_text().split()[0]))
        self.cookies: dict[int, str] = {}
        self.last = FIRST

    def sign_in(self, origin: str) -> None:
        """Let all of them open the site once: a browser keeps the cookies that it gets with its first page."""

        def open_list(person: int) -> None:
            session = f"better-auth.session_token={cookies.sign(f'token-person-{person}')}"
            with urllib.request.urlopen(urllib.request.Request(f"{origin}/", headers={"Cookie": session})) as answer:
                given: SimpleCookie = SimpleCookie()
                for header in answer.headers.get_all("Set-Cookie"):
                    given.load(header)
            kept = [f"{name}={morsel.value}" for name, morsel in given.items() if morsel.value and name != "csrftoken"]
            self.cookies[person] = "; ".join([session, f"csrftoken={CSRF}", *kept])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(open_list, [*range(1, PEOPLE + 1), *OWNERS.values()]))

    def backends(self) -> list[psutil.Process]:
        """The database's processes."""
        return [self.postmaster, *self.postmaster.children()]

    def count(self, statement: str, *params: object) -> int:
        row = self.database.execute(statement, params).fetchone()
        return int(row[0]) if row else 0

    def slice(self, count: int) -> list[Owned]:
        """Tasks of all but the three who own few and many, in the state that they are in."""
        others = [f"person-{number}" for tasks, number in OWNERS.items() if tasks != USUAL]
        found = self.database.execute(SLICE, [self.last, others, count]).fetchall()
        if len(found) < count:  # from the start again
            again = self.database.execute(SLICE, [FIRST, others, count - len(found)]).fetchall()
            found += [row for row in again if row[0] <= self.last]
        self.last = found[-1][0]
        return [Owned(row[0], int(row[1].removeprefix("person-")), row[2], row[3]) for row in found]

    def edge_of_page(self, person: int, page: int) -> list[tuple[str, datetime]]:
        """The last of the pending tasks before this page, and the first on it."""
        statement = (
            "SELECT id::text, created_at FROM task WHERE user_id = %s AND status = 'pending'"
            " ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 2"
        )
        return self.database.execute(statement, [f"person-{person}", (page - 1) * 50 - 1]).fetchall()


def address(person: int) -> str:
    """Each of them asks from an address of their own, so that the site's limits meet nobody."""
    return f"10.{person >> 16}.{person >> 8 & 255}.{person & 255}"
