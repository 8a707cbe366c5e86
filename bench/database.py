"""The database of the benchmark: a PostgreSQL server of its own, users with sessions, and their tasks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import namedtuple_row

from bench.contestants.servers import PEER, ROOT, SITES, Server, environment
from bench.contestants.shared import SESSION_COOKIE, sign
from todo_site.tests.postgresql import own_server

CSRF_TOKEN = "c" * 32
FEW_TASKS, MANY_TASKS = 10, 100_000
FIRST_ID = "00000000-0000-0000-0000-000000000000"

INSERT_USERS = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'user-' || n, 'User ' || n, 'user' || n || '@example.org', true FROM generate_series(1, {users}) n;
INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
SELECT 'session-' || id, 'token-' || id, id, now() + interval '7 days', now(), now() FROM "user";
"""
INSERT_TASKS = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT md5(u || '/' || t)::uuid, u, 'Task ' || t, CASE WHEN t %% 4 = 1 THEN repeat('Some words. ', 10) END,
       CASE WHEN t %% 4 = 0 THEN 'completed' ELSE 'pending' END,
       now() - t * interval '1 hour', now() - t * interval '1 hour'
FROM unnest(%s::text[]) u, generate_series(1, %s) t;
"""
# The table of the other contestants: as the site's, without triggers, policy and the text that a search reads.
CREATE_PEER_TABLE = """
CREATE SCHEMA peers;
CREATE TABLE peers.task (LIKE public.task INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
ALTER TABLE peers.task DROP COLUMN search_text,
    ADD FOREIGN KEY (user_id) REFERENCES "user" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
CREATE ROLE {peer} LOGIN SUPERUSER;
ALTER ROLE {peer} SET search_path = peers, public;
INSERT INTO peers.task ({columns}) SELECT {columns} FROM public.task;
"""
COLUMNS = "id, user_id, title, description, status, created_at, updated_at"
# The version is that of the site's edit form.
SELECT_TASKS = """
SELECT id::text, user_id, status, (extract(epoch FROM updated_at) * 1000000)::bigint::text AS version
FROM task WHERE id > %s AND user_id = ANY (%s) ORDER BY id LIMIT %s
"""


class Database:
    """``users`` own ``tasks`` tasks each; for each number in ``more_owners`` one more user owns so many."""

    def __init__(self, url: str, users: int, tasks: int, more_owners: tuple[int, ...]) -> None:
        self.url, self.tasks = url, tasks
        self.users = [f"user-{number}" for number in range(1, users + 1)]
        more = {owned: f"user-{users + number}" for number, owned in enumerate(sorted(set(more_owners)), start=1)}
        self.owners = {tasks: self.users[0], **more}  # a user by the number of tasks
        self.headers = {  # with an address for each user, so that the site limits the rate of each alone
            user: {
                "Cookie": f"{SESSION_COOKIE}={sign(f'token-{user}')}; csrftoken={CSRF_TOKEN}",
                "X-Forwarded-For": f"10.0.{number >> 8}.{number & 255}",
            }
            for number, user in enumerate([*self.users, *more.values()])
        }
        self.connection: psycopg.Connection[Any]
        self.connection = psycopg.connect(url, autocommit=True, row_factory=namedtuple_row)
        pid_file = Path(self.value("SHOW data_directory")) / "postmaster.pid"
        self.postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
        self.last_id = FIRST_ID

    def fill(self) -> None:
        self.connection.execute(INSERT_USERS.format(users=len(self.headers)))
        self.connection.execute("ALTER TABLE task DISABLE TRIGGER USER")
        for tasks, user in self.owners.items():
            users = self.users if user in self.users else [user]
            self.connection.execute(INSERT_TASKS, [users, tasks])
        self.connection.execute("ALTER TABLE task ENABLE TRIGGER USER")
        self.connection.execute(CREATE_PEER_TABLE.format(peer=PEER, columns=COLUMNS))
        self.connection.execute("VACUUM ANALYZE")
        self.connection.execute("CHECKPOINT")

    def choose_table(self, server: Server) -> None:
        """Read the tasks of this contestant from now on."""
        self.connection.execute(f"SET search_path = {'public' if server.name in SITES else 'peers, public'}")

    def sign_in(self, server: Server) -> None:
        """Request the first page of every user and keep the cookies that it sets, as a browser does."""

        def request_list(headers: dict[str, str]) -> None:
            for cookie in server.request("/", headers).headers.getlist("Set-Cookie"):
                name, _, value = cookie.split(";")[0].partition("=")
                if value and name != "csrftoken":
                    headers["Cookie"] += f"; {name}={value}"

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(request_list, self.headers.values()))

    def processes(self) -> list[psutil.Process]:
        return [self.postmaster, *self.postmaster.children()]

    def value(self, query: str, parameters: dict[str, object] | None = None) -> Any:
        row = self.connection.execute(query, parameters).fetchone()
        assert row is not None
        return row[0]

    def next_tasks(self, count: int) -> list[Any]:
        """Return tasks in the order of their ids. Begin after the last one returned before."""
        tasks = self.connection.execute(SELECT_TASKS, [self.last_id, self.users, count]).fetchall()
        if len(tasks) < count:  # continue with the first task, up to where this call began
            first = self.connection.execute(SELECT_TASKS, [FIRST_ID, self.users, count - len(tasks)]).fetchall()
            tasks += [task for task in first if task.id <= self.last_id]
        self.last_id = tasks[-1].id
        return tasks


@contextmanager
def new_database(users: int, tasks: int, more_owners: tuple[int, ...] = ()) -> Iterator[Database]:
    """Start a PostgreSQL server, migrate and fill its database, and stop it at the end."""
    with own_server() as server:
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0", "--skip-checks"]
        subprocess.run(migrate, cwd=ROOT, env=environment(server.url), check=True)
        database = Database(server.url, users, tasks, more_owners)
        database.fill()
        yield database
