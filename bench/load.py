"""Send requests of many users with wrk, measure what they cost, and verify that every write is in the database."""

from __future__ import annotations

import json
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.contestants.servers import SITES, Server, cpu_milliseconds
from bench.database import CSRF_TOKEN, Database

MAX_WRITES_PER_SECOND = 4000  # so many are prepared
SCRIPT = Path(__file__).parent / "wrk.lua"

FORMS: dict[str, Callable[[Any, str], dict[str, str]]] = {
    "status": lambda task, _: {"status": "pending" if task.status == "completed" else "completed"},
    "edit": lambda task, title: {
        "title": title,
        "description": "Changed",
        "status": task.status,
        "version": task.version,
    },
    "delete": lambda *_: {},
}
WRITTEN = {
    "create": """
        SELECT count(*) FROM task
        WHERE user_id = ANY (%(users)s) AND created_at >= %(start)s AND starts_with(title, %(title)s)
    """,
    "status": """
        SELECT count(*) FROM unnest(%(ids)s::uuid[], %(statuses)s::text[]) AS sent (id, status)
        JOIN task USING (id, status)
    """,
    "edit": "SELECT count(*) FROM task WHERE id = ANY (%(ids)s::uuid[]) AND starts_with(title, %(title)s)",
    "delete": "SELECT cardinality(%(ids)s::uuid[]) - count(*) FROM task WHERE id = ANY (%(ids)s::uuid[])",
}
JOURNALLED = """
SELECT count(*) FROM task_event WHERE user_id = ANY (%(users)s) AND at >= %(start)s AND verb = ANY (%(verbs)s)
"""
VERBS = {"create": ["create"], "status": ["complete", "reopen"], "edit": ["edit"], "delete": ["delete"]}


@dataclass(frozen=True)
class Request:
    user: str
    path: str
    form: dict[str, str] | None = None
    task_id: str = ""

    @property
    def body(self) -> str | None:
        return None if self.form is None else urlencode({"csrfmiddlewaretoken": CSRF_TOKEN, **self.form})


@dataclass(frozen=True)
class Round:
    """The result of one run of wrk: latencies and CPU time per request in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    app_cpu: float
    database_cpu: float


type Rounds = dict[str, list[Round]]


def alternate(times: int, runs: Mapping[str, Callable[[], Round]]) -> Rounds:
    """Run each of these in turn, so that whatever else the machine does affects all of them."""
    rounds: Rounds = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            rounds[name].append(run())
    return rounds


@dataclass(frozen=True)
class Load:
    """Sends requests of the users of a database."""

    database: Database
    seconds: int  # of a round

    def new_requests(self, action: str, count: int, title: str = "Task of the benchmark") -> list[Request]:
        """Return so many requests of one action. The titles that they write begin with ``title``."""
        users = (self.database.users[number % len(self.database.users)] for number in range(count))
        match action:
            case "list":
                return [Request(user, "/") for user in users]
            case "create":
                form = {"description": "Just thought of it"}
                unique = ({"id": str(uuid.uuid4()), "title": f"{title}, {number}"} for number in range(count))
                return [Request(user, "/tasks/new/", form | more) for user, more in zip(users, unique, strict=True)]
            case "detail":
                return [Request(task.user_id, f"/tasks/{task.id}/") for task in self.database.next_tasks(count)]
        return [
            Request(task.user_id, f"/tasks/{task.id}/{action}/", FORMS[action](task, title), task.id)
            for task in self.database.next_tasks(count)
        ]

    def send(self, server: Server, request: Request, **headers: str) -> None:
        server.request(request.path, {**self.database.headers[request.user], **headers}, request.body)

    def warm_up(self, server: Server, action: str = "list") -> None:
        """Use each thread of each process, so that connections, templates and query plans exist."""
        self.database.choose_table(server)
        with ThreadPoolExecutor(8) as pool:
            requests = self.new_requests(action, 64)
            list(pool.map(lambda request: self.send(server, request, Connection="close"), requests))

    def run(self, server: Server, requests: list[Request], seconds: int = 0, connections: int = 8) -> Round:
        """Send the requests for some seconds. Exit if one of them fails."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds or self.seconds}s", "--timeout=30s"]
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
            for request in requests:
                method = "GET" if request.form is None else "POST"
                cookie_and_address = self.database.headers[request.user].values()
                print(method, request.path, *cookie_and_address, request.body or "", sep="\t", file=file)
            file.flush()
            command += [f"--script={SCRIPT}", f"http://127.0.0.1:{server.port}", "--", file.name]
            app, database = cpu_milliseconds(server.processes()), cpu_milliseconds(self.database.processes())
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            app = cpu_milliseconds(server.processes()) - app
            database = cpu_milliseconds(self.database.processes()) - database
        if done.returncode:
            server.fail(f"wrk failed: {done.stdout}{done.stderr}")
        result = json.loads(done.stdout.splitlines()[-1])
        failed, count = result.pop("failed"), result["requests"]
        if failed or not count:
            server.fail(f"{failed} requests failed and {count} had a response ({requests[0].path} and others)")
        server.served += count
        return Round(**result, app_cpu=app.total() / count, database_cpu=database.total() / count)

    def run_action(self, server: Server, action: str, seconds: int = 0, connections: int = 8) -> Round:
        """Send requests of one action. Exit if the database has fewer writes than there were responses."""
        self.database.choose_table(server)
        start, title = datetime.now(UTC), f"Round {uuid.uuid4().hex[:8]}"
        requests = self.new_requests(action, MAX_WRITES_PER_SECOND * (seconds or self.seconds), title)
        result = self.run(server, requests, seconds, connections)
        if action in WRITTEN:
            if result.requests + connections > len(requests):
                server.fail(f"{action}: more requests were sent than prepared, so some were sent twice")
            sent = requests[: result.requests + connections]  # the last ones had no response yet
            parameters = {
                "ids": [request.task_id for request in sent],
                "statuses": [(request.form or {}).get("status") for request in sent],
                "title": title,
                "users": self.database.users,
                "start": start,
                "verbs": VERBS[action],
            }
            for query in [WRITTEN[action], *([JOURNALLED] if server.name in SITES else [])]:
                written = self.database.value(query, parameters)
                if written < result.requests:
                    server.fail(f"{result.requests} responses, but {written} rows of {query}")
        return result
