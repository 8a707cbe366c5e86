"""What is asked of the contestants, by wrk, and what it cost; and whether what was to be written was written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import batched
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.contestants.servers import Contestant, cpu, spent
from bench.database import CSRF, PEOPLE, Owned, People, address

SECONDS = int(os.environ.get("SECONDS", "1"))
MOST_A_SECOND = 4000  # writes are made ready for so many
SCRIPT = Path(__file__).parent / "wrk.lua"

CREATED = "SELECT count(*) FROM task WHERE user_id = ANY (%s) AND created_at >= %s AND starts_with(title, %s)"
HAVE_STATUS = "SELECT count(*) FROM unnest(%s::uuid[], %s::text[]) AS wanted (id, status) JOIN task USING (id, status)"
HAVE_TITLE = "SELECT count(*) FROM task WHERE id = ANY (%s::uuid[]) AND starts_with(title, %s)"
THERE = "SELECT count(*) FROM task WHERE id = ANY (%s::uuid[])"
NOTED = "SELECT count(*) FROM task_event WHERE user_id = ANY (%s) AND at >= %s AND verb = ANY (%s)"
VERBS = {"create": ["create"], "status": ["complete", "reopen"], "edit": ["edit"], "delete": ["delete"]}


@dataclass(frozen=True)
class Asked:
    """One request, of one person."""

    path: str
    person: int
    form: dict[str, str] | None = None
    task: Owned | None = None

    @property
    def method(self) -> str:
        return "GET" if self.form is None else "POST"

    @property
    def body(self) -> str | None:
        return None if self.form is None else urlencode({"csrfmiddlewaretoken": CSRF, **self.form})

    def line(self, cookie: str) -> str:
        return "\t".join([self.method, self.path, cookie, address(self.person), self.body or ""])


@dataclass(frozen=True)
class Batch:
    """Requests of one kind; what they write says in its title which batch it is of."""

    action: str
    requests: list[Asked]
    tag: str = ""
    start: datetime = field(default_factory=lambda: datetime.now(UTC))

    def first(self, count: int) -> Batch:
        return replace(self, requests=self.requests[:count])

    @property
    def tasks(self) -> list[Owned]:
        return [each.task for each in self.requests if each.task]

    @property
    def owners(self) -> list[str]:
        return sorted({f"person-{each.person}" for each in self.requests})


@dataclass(frozen=True)
class Round:
    """What wrk and the processes' own clocks say of one round."""

    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    app_cpu: float  # milliseconds a request
    database_cpu: float


def batch_of(action: str, people: People, count: int) -> Batch:
    """That many requests of one kind, by many people."""
    tag = f"Batch {uuid.uuid4().hex[:8]}"
    match action:
        case "list":
            requests = [Asked("/", person) for person in range(1, PEOPLE + 1)]
        case "create":
            requests = [Asked("/tasks/new/", 1 + n % PEOPLE, new_task(f"{tag}, {n}")) for n in range(count)]
        case _:
            requests = [
                Asked(f"/tasks/{task.id}/{SUFFIX[action]}", task.person, form_of(action, task, tag), task)
                for task in people.slice(count)
            ]
    return Batch(action, requests, tag)


def new_task(title: str) -> dict[str, str]:
    return {"id": str(uuid.uuid4()), "title": title, "description": "Just thought of it"}


SUFFIX = {"detail": "", "status": "status/", "edit": "edit/", "delete": "delete/"}


def form_of(action: str, task: Owned, tag: str) -> dict[str, str] | None:
    match action:
        case "status":
            return {"status": other_status(task)}
        case "edit":
            text = {"title": f"{tag}, of a task", "description": "With other words", "status": task.status}
            return {**text, "version": str(task.version)}
        case "delete":
            return {}
        case _:
            return None


def other_status(task: Owned) -> str:
    return "pending" if task.status == "completed" else "completed"


def send(connection: HTTPConnection, contestant: Contestant, people: People, asked: Asked) -> None:
    """One request, answered before this returns."""
    headers = {"Cookie": people.cookies[asked.person], "X-Forwarded-For": address(asked.person)}
    if asked.form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(asked.method, asked.path, asked.body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 400:
        sys.exit(f"{contestant.name}: {asked.path} was answered with {answer.status}.\n{contestant.last_words()}")


def warm_up(contestant: Contestant, people: People, action: str = "list") -> None:
    """Let each thread of each process do this, so that what is made once is made: connections, templates, plans."""

    def send_some(requests: tuple[Asked, ...]) -> None:
        for asked in requests:
            with closing(HTTPConnection(urlsplit(contestant.origin).netloc, timeout=60)) as connection:
                send(connection, contestant, people, asked)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send_some, batched(batch_of(action, people, 64).requests[:64], 8, strict=False)))


def play(
    contestant: Contestant, people: People, requests: list[Asked], seconds: int = SECONDS, connections: int = 8
) -> Round:
    """One round of wrk. Whatever is answered with an error ends the benchmark."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(each.line(people.cookies[each.person]) + "\n" for each in requests)
        file.flush()
        command = ["wrk", f"-c{connections}", "-t1", f"-d{seconds}s", "--timeout=30s", f"--script={SCRIPT}"]
        before = cpu(contestant.processes()), cpu(people.backends())
        done = subprocess.run(
            [*command, contestant.origin, "--", file.name], capture_output=True, text=True, check=False
        )
        after = cpu(contestant.processes()), cpu(people.backends())
    said = {name: float(value) for name, value in re.findall(r"^@(\w+) ([\d.]+)$", done.stdout, re.MULTILINE)}
    if done.returncode or not said.get("requests"):
        sys.exit(
            f"{contestant.name} answered no {requests[0].path} in {seconds} s."
            f"\n{done.stdout}{done.stderr}{contestant.last_words()}"
        )
    n = said["requests"]
    if said["refused"] or said["broken"]:
        sys.exit(
            f"{contestant.name}: of {n:.0f} requests such as {requests[0].path} {said['refused']:.0f} were answered"
            f" with an error and {said['broken']:.0f} not at all.\n{contestant.last_words()}"
        )
    if said["ran_out"]:
        sys.exit(f"{contestant.name} took more than {MOST_A_SECOND} writes a second, or more than there are tasks.")
    contestant.served += int(n)
    return Round(
        int(n),
        n / said["seconds"],
        p50=said["p50"],
        p95=said["p95"],
        p99=said["p99"],
        app_cpu=spent(before[0], after[0]) / n * 1000,
        database_cpu=spent(before[1], after[1]) / n * 1000,
    )


def play_action(
    action: str, contestant: Contestant, people: People, seconds: int = SECONDS, connections: int = 8
) -> Round:
    """A round of one kind of request; of writes it is asked afterwards whether the database has them."""
    batch = batch_of(action, people, MOST_A_SECOND * seconds)
    played = play(contestant, people, batch.requests, seconds, connections)
    if action in VERBS:
        require_written(contestant, people, batch.first(played.requests + connections), played.requests)
    return played


def require_written(contestant: Contestant, people: People, sent: Batch, answered: int) -> None:
    """Some that were sent were not answered when the round ended."""
    written = count_written(people, sent)
    if written < answered:
        sys.exit(f"{contestant.name}: {sent.action}: {answered} were answered, but only {written} were written.")
    noted = people.count(NOTED, sent.owners, sent.start, VERBS[sent.action])
    if contestant.keeps_journal and noted < answered:
        sys.exit(f"{contestant.name}: {sent.action}: {answered} were answered, but only {noted} are in the journal.")


def count_written(people: People, batch: Batch) -> int:
    ids = [task.id for task in batch.tasks]
    match batch.action:
        case "create":
            return people.count(CREATED, batch.owners, batch.start, batch.tag)
        case "status":
            return people.count(HAVE_STATUS, ids, [other_status(task) for task in batch.tasks])
        case "edit":
            return people.count(HAVE_TITLE, ids, batch.tag)
        case _:
            return len(ids) - people.count(THERE, ids)
