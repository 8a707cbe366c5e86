"""The database goes away under a site in use: nothing that was acknowledged is lost, and it is back by itself."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from todo_site.better_auth.tests.auth_server import Answer, Person
from todo_site.tests.postgresql import OwnServer, own_server
from todo_site.tests.server import running_site

pytestmark = pytest.mark.postgresql

PASSWORD = "correct horse battery"


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def site(database: OwnServer, tmp_path: Path, collected_static_files: None) -> Iterator[str]:
    from django.conf import settings

    with running_site(
        tmp_path / "log", DATABASE_URL=database.url, TRUSTED_PROXIES="1", STATIC_ROOT=str(settings.STATIC_ROOT)
    ) as origin:
        yield origin
    assert "Task " not in (tmp_path / "log").read_text()


def signed_up(site: str, name: str) -> Person:
    person = Person(site, "", address=f"198.51.100.{abs(hash(name)) % 250}")
    assert person.post("/sign-up/", name=name, email=f"{name}@example.org", password=PASSWORD).status == 303
    return person


@dataclass
class Load:
    """People who write tasks as fast as they can, each with a form of its own, and note what was acknowledged."""

    people: list[Person]
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def write(self, person: Person) -> None:
        while not self.stop.is_set():
            task_id = str(uuid.uuid4())
            answer = post_with_token(person, "/tasks/new/", id=task_id, title=f"Task {task_id}")
            self.answers[answer.status] += 1
            if answer.status == 303:
                self.acknowledged.add(task_id)

    def __enter__(self) -> Load:
        self.threads = [threading.Thread(target=self.write, args=[person]) for person in self.people]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def post_with_token(person: Person, path: str, **fields: str) -> Answer:
    """Send a form whose page was loaded while all was well."""
    person.token = getattr(person, "token", "") or token_of(person)  # type: ignore[attr-defined]
    body = "&".join(f"{name}={value}" for name, value in {"csrfmiddlewaretoken": person.token, **fields}.items())  # type: ignore[attr-defined]
    return person.send(person.site + path, body.encode(), **{"X-Forwarded-For": person.address})


def token_of(person: Person) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', person.get("/").text)
    assert found
    return found[1]


def wait_until_it_serves(person: Person) -> None:
    end = monotonic() + 30
    while person.get("/").status != 200:
        assert monotonic() < end


def test_loses_nothing_that_was_acknowledged_while_the_database_is_killed_three_times(
    database: OwnServer, site: str
) -> None:
    people = [signed_up(site, f"writer{number}") for number in range(20)]
    for person in people:
        post_with_token(person, "/tasks/new/", title="First")
    with Load(people) as load:
        for _ in range(3):
            wait_for(load, 40)
            database.kill()
            database.start()
            wait_until_it_serves(people[0])
        wait_for(load, 40)
    with psycopg.connect(database.url) as connection:
        rows = [title for (title,) in connection.execute("SELECT title FROM task WHERE title LIKE 'Task %'")]
    assert {f"Task {task_id}" for task_id in load.acknowledged} <= set(rows)
    assert len(rows) == len(set(rows))
    assert set(load.answers) <= {303, 503}


def wait_for(load: Load, more: int) -> None:
    """Until so many more tasks were acknowledged."""
    wanted = len(load.acknowledged) + more
    end = monotonic() + 60
    while len(load.acknowledged) < wanted:
        assert monotonic() < end, load.answers
        load.stop.wait(0.01)


def test_nobody_notices_that_all_connections_were_terminated(database: OwnServer, site: str) -> None:
    people = [signed_up(site, f"reader{number}") for number in range(8)]
    for person in people:
        post_with_token(person, "/tasks/new/", title="First")
    with Load(people) as load:
        for _ in range(3):
            wait_for(load, 40)
            database.terminate_connections()
        wait_for(load, 40)
    assert set(load.answers) == {303}


def test_keeps_the_text_while_the_database_is_away_and_takes_it_afterwards(database: OwnServer, site: str) -> None:
    person = signed_up(site, "author")
    post_with_token(person, "/tasks/new/", title="First")
    database.stop("fast")
    answer = post_with_token(person, "/tasks/new/", title="A+long+thought", description="not+lost")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "A long thought" in answer.text
    assert "not lost" in answer.text
    assert person.get("/").status == 503
    assert person.get("/healthz").status == 200
    assert person.get("/readyz").status == 503
    database.start()
    wait_until_it_serves(person)
    fields = dict(re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)', answer.text))
    sent = post_with_token(person, "/tasks/new/", **{name: text.replace(" ", "+") for name, text in fields.items()})
    assert sent.status == 303
    assert "A long thought" in person.get("/").text


def test_reads_but_does_not_write_on_a_database_that_is_read_only(database: OwnServer, site: str) -> None:
    person = signed_up(site, "visitor")
    post_with_token(person, "/tasks/new/", title="First")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
    database.terminate_connections()
    assert person.get("/").status == 200
    answer = post_with_token(person, "/tasks/new/", title="Second")
    assert answer.status == 503
    assert "Second" in answer.text
