"""The database goes away under a site in use: nothing that was acknowledged is lost, and it is back by itself."""

from __future__ import annotations

import html
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from todo_site.better_auth.tests.auth_server import Answer, Person
from todo_site.tests.html_forms import the_form
from todo_site.tests.postgresql import OwnServer, own_server
from todo_site.tests.server import running_site

pytestmark = pytest.mark.postgresql

type Fields = dict[str, list[str]]

PASSWORD = "correct horse battery"

CONNECTIONS = {"threads": {"DB_POOL_MAX_SIZE": ""}, "pool": {"DB_POOL_MIN_SIZE": "8", "DB_POOL_MAX_SIZE": "8"}}
both_ways_to_connect = pytest.mark.parametrize(
    "site",
    [
        pytest.param(CONNECTIONS["threads"], id="threads"),
        pytest.param(CONNECTIONS["pool"], id="pool", marks=pytest.mark.thorough),
    ],
    indirect=True,
)


@pytest.fixture(scope="module")
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest,
    database: OwnServer,
    tmp_path_factory: pytest.TempPathFactory,
    collected_static_files: None,
) -> Iterator[str]:
    """One site for all of these days: each test has to leave it well."""
    log = tmp_path_factory.mktemp("site") / "log"
    with running_site(
        log, DATABASE_URL=database.url, TRUSTED_PROXIES="1", **getattr(request, "param", CONNECTIONS["threads"])
    ) as origin:
        yield origin
    assert "Task " not in log.read_text()


@pytest.fixture(scope="module")
def people(site: str) -> list[Person]:
    """Twenty, each with a page open."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda number: sign_up(site, number), range(20)))


@pytest.fixture
def person(people: list[Person]) -> Person:
    return people[0]


def sign_up(site: str, number: int) -> Person:
    person = Person(site, "", address=f"198.51.100.{number}")
    email = f"person{number}-{urlsplit(site).port}@example.org"
    fields = {"name": f"Person {number}", "email": email, "password": PASSWORD}
    assert person.post("/sign-up/", **fields).status == 303
    assert post_with_token(person, "/tasks/new/", title="First").status == 303
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


def assert_nothing_is_lost(database: OwnServer, load: Load) -> None:
    with psycopg.connect(database.url) as connection:
        rows = [title for (title,) in connection.execute("SELECT title FROM task WHERE title LIKE 'Task %'")]
    assert {f"Task {task_id}" for task_id in load.acknowledged} <= set(rows)
    assert len(rows) == len(set(rows))


@both_ways_to_connect
def test_loses_nothing_that_was_acknowledged_while_the_database_is_killed_three_times(
    database: OwnServer, people: list[Person]
) -> None:
    with Load(people) as load:
        for _ in range(3):
            wait_for(load, 40)
            database.kill()
            database.start()
            wait_until_it_serves(people[0])
        wait_for(load, 40)
    assert_nothing_is_lost(database, load)
    assert set(load.answers) <= {303, 503}


@both_ways_to_connect
def test_is_back_by_itself_after_the_database_was_away_for_long(database: OwnServer, people: list[Person]) -> None:
    with Load(people) as load:
        wait_for(load, 40)
        database.stop("fast")
        wait_until(lambda: load.answers[503] > 3 * len(people), load)  # everybody was told, and tried again
        database.start()
        wait_for(load, 40)
    assert_nothing_is_lost(database, load)
    assert set(load.answers) == {303, 503}
    assert {post_with_token(person, "/tasks/new/", title="Last").status for person in people} == {303}


def wait_for(load: Load, more: int) -> None:
    """Until so many more tasks were acknowledged."""
    wanted = len(load.acknowledged) + more
    wait_until(lambda: len(load.acknowledged) >= wanted, load)


def wait_until(condition: Callable[[], bool], load: Load) -> None:
    end = monotonic() + 60
    while not condition():
        assert monotonic() < end, load.answers
        load.stop.wait(0.01)


@both_ways_to_connect
def test_nobody_notices_that_all_connections_were_terminated(database: OwnServer, people: list[Person]) -> None:
    with Load(people) as load:
        for _ in range(3):
            wait_for(load, 40)
            database.terminate_connections()
        wait_for(load, 40)
    assert set(load.answers) == {303}


@both_ways_to_connect
def test_keeps_the_text_while_the_database_is_away_and_takes_it_afterwards(database: OwnServer, person: Person) -> None:
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
    fields = dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n([^<]*)', answer.text))
    sent = post_with_token(person, "/tasks/new/", **{name: text.replace(" ", "+") for name, text in fields.items()})
    assert sent.status == 303
    assert "A long thought" in person.get("/").text


@contextmanager
def changed(database: OwnServer, setting: str, value: str) -> Iterator[None]:
    """With another setting of the server, for new connections only."""
    database.run_sql(f"ALTER SYSTEM SET {setting} = {value}", "SELECT pg_reload_conf()")
    database.terminate_connections()
    try:
        yield
    finally:
        database.run_sql(f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
        database.terminate_connections()


@contextmanager
def full_disk(database: OwnServer) -> Iterator[None]:
    """Every write fails as PostgreSQL lets it fail when it cannot make a file longer."""
    database.run_sql(
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER no_space BEFORE INSERT OR UPDATE OR DELETE ON task EXECUTE FUNCTION no_space()",
    )
    try:
        yield
    finally:
        database.run_sql("DROP FUNCTION no_space CASCADE")


@both_ways_to_connect
@pytest.mark.parametrize(
    "outage",
    [lambda database: changed(database, "default_transaction_read_only", "on"), full_disk],
    ids=["read-only", "full"],
)
def test_reads_but_does_not_write_on_a_database_that_is(
    database: OwnServer, person: Person, outage: Callable[[OwnServer], AbstractContextManager[None]]
) -> None:
    with outage(database):
        assert person.get("/").status == 200
        answer = post_with_token(person, "/tasks/new/", title="Second")
        assert answer.status == 503
        assert "Second" in answer.text
        assert person.get("/").status == 200
    assert post_with_token(person, "/tasks/new/", title="Second").status == 303


@both_ways_to_connect
def test_waits_for_a_database_that_has_to_wake_up_first(database: OwnServer, person: Person) -> None:
    with changed(database, "post_auth_delay", "1"):  # seconds that each new connection takes
        start = monotonic()
        assert post_with_token(person, "/tasks/new/", title="Good+morning").status == 303
        assert monotonic() - start >= 1
        assert person.get("/").status == 200


# Each form, at each moment, in each trouble

DESCRIPTION = "first “line”\n\nlast <line>"


class Way:
    """Somebody's way with a form, on which trouble waits at one moment."""

    def __init__(self, database: OwnServer, person: Person, title: str, trouble: str, moment: str) -> None:
        self.database, self.person, self.title, self.trouble, self.moment = database, person, title, trouble, moment

    def go(self, path: str, *, through: str, pick: Callable[[str, str, Fields], tuple[str, Fields]]) -> str:
        """Open the form, fill it in as ``pick`` says, send it and look at what comes then; where that is."""
        moment = self.moment.removeprefix(f"{through}, ")
        page = self.open(path, in_trouble=moment == "open")
        action, fields = pick(page.text, *the_form(page.text))
        answer = self.send(action, fields, in_trouble=moment == "send")
        if moment == "send again":
            answer = self.send(action, fields, in_trouble=True)
        assert answer.status == 303, answer.text
        to = answer.headers["Location"]
        self.open(to, in_trouble=moment == "after")
        return to

    def open(self, path: str, *, in_trouble: bool) -> Answer:
        if in_trouble and self.trouble == "database gone":
            with gone(self.database):
                assert self.person.get(path).status == 503
        elif in_trouble and self.trouble == "session ended":
            self.end_session()
            answer = self.person.get(path)
            assert answer.status == 302
            answer = self.sign_in(self.person.get(answer.headers["Location"]))
            assert answer.headers["Location"] == path.partition("#")[0]
        answer = self.person.get(path)
        assert answer.status == 200
        return answer

    def send(self, action: str, fields: Fields, *, in_trouble: bool) -> Answer:
        if in_trouble and self.trouble == "database gone":
            with gone(self.database):
                answer = self.post(action, fields)
            assert answer.status == 503
            action, fields = self.kept(answer, fields)
        elif in_trouble and self.trouble == "session ended":
            self.end_session()
            answer = self.post(action, fields)
            assert answer.status == 401
            answer = self.sign_in(answer)
            assert answer.status == 200
            action, fields = self.kept(answer, fields)
        elif in_trouble:
            assert self.post(action, fields).status == 303
        return self.post(action, fields)

    def kept(self, answer: Answer, fields: Fields) -> tuple[str, Fields]:
        """The form on the page that answered, which has everything that was typed and chosen."""
        if "title" in fields or "file" in fields:
            assert self.title in answer.text
            assert DESCRIPTION in html.unescape(answer.text)
        return the_form(answer.text)

    def post(self, path: str, fields: Fields) -> Answer:
        body, kind = urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"
        if "file" in fields:
            (text,) = fields["file"]
            file = ContentFile(text.encode(), "tasks.csv")
            body, kind = encode_multipart(BOUNDARY, {**fields, "file": file}), MULTIPART_CONTENT
        headers = {"X-Forwarded-For": self.person.address, "Origin": self.person.site, "Content-Type": kind}
        return self.person.send(self.person.site + path, body, **headers)

    def end_session(self) -> None:
        self.person.jar.clear(domain="127.0.0.1", path="/", name="better-auth.session_token")
        vars(self.person).pop("token", None)  # signing in makes another

    def sign_in(self, page: Answer) -> Answer:
        number = self.person.address.rpartition(".")[2]
        said = {"email": [f"person{number}-{urlsplit(self.person.site).port}@example.org"], "password": [PASSWORD]}
        answer = self.post("/sign-in/", {**the_form(page.text)[1], **said})
        # Not run again by itself where a connection was dropped; the page then has all but the password.
        return self.sign_in(answer) if answer.status == 503 else answer


@contextmanager
def gone(database: OwnServer) -> Iterator[None]:
    """The database lets nobody in, and those who were in are thrown out."""
    with psycopg.connect(database.url.replace("/postgres?", "/template1?"), autocommit=True) as beside:
        beside.execute("ALTER DATABASE postgres ALLOW_CONNECTIONS false")
        beside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'")
        try:
            yield
        finally:
            beside.execute("ALTER DATABASE postgres ALLOW_CONNECTIONS true")


MOMENTS = [
    f"{form}, {moment}"
    for form in ("create", "edit", "upload", "import")
    for moment in ("open", "send", "send again", "after")
]
STEPS = [
    *((moment, trouble) for moment in MOMENTS for trouble in ("database gone", "session ended")),
    *((moment, "sent twice") for moment in MOMENTS if moment.endswith("send")),
]


@pytest.mark.parametrize(("moment", "trouble"), STEPS)
def test_brings_one_task_and_its_text_through(
    database: OwnServer, people: list[Person], moment: str, trouble: str
) -> None:
    number = MOMENTS.index(moment)
    title = f"Errand {number} {trouble}"
    person, kind = people[number], moment.partition(",")[0]
    way = Way(database, person, title, trouble, moment)
    typed = {"title": [title], "description": [DESCRIPTION]}
    file = f'title,description\n{title},"{DESCRIPTION}"\n'
    if kind in {"create", "edit"}:
        first = typed if kind == "create" else {"title": ["Not yet edited"]}
        to = way.go("/tasks/new/", through="create", pick=lambda _page, action, fields: (action, {**fields, **first}))
        if kind == "edit":
            task = re.findall(r'id="task-([^"]+)"', person.get(to).text)[0]
            edit = f"/tasks/{task}/edit/"
            way.go(
                edit,
                through="edit",
                pick=lambda _page, action, fields: (action, {**fields, **typed, "status": ["pending"]}),
            )
    else:
        way.go("/import/", through="upload", pick=lambda _page, action, fields: (action, {**fields, "file": [file]}))
        way.go(
            "/import/",
            through="import",
            pick=lambda page, _action, fields: (re.findall(r'formaction="(/import/[^"]+)"', page)[0], fields),
        )
    with psycopg.connect(database.url) as connection:
        found = connection.execute("SELECT description FROM task WHERE title = %s", [title]).fetchall()
        others = connection.execute("SELECT count(*) FROM task WHERE title = 'Not yet edited'").fetchone()
    assert found == [(DESCRIPTION,)]
    assert others == (0,)
