"""The site and a real Better Auth server on one PostgreSQL database, with text ids and with uuid ids."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from todo_site.better_auth.tests.auth_server import (
    MISSING,
    SECRET,
    Person,
    run_node,
    running_auth_server,
)
from todo_site.tests.management import manage
from todo_site.tests.postgresql import new_database
from todo_site.tests.server import postgresql_template, running_server, start_server

pytestmark = [pytest.mark.postgresql, pytest.mark.skipif(bool(MISSING), reason=MISSING or "runs")]
PASSWORD = "correct horse battery"
numbers = itertools.count()


@dataclass
class World:
    """The site, the Better Auth server and the database that they share."""

    site: str
    auth: str
    database: str
    ids: str

    def person(self, address: str = "203.0.113.1") -> Person:
        return Person(self.site, self.auth, address)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def session(self, email: str) -> tuple[datetime, datetime]:
        """When the one session of this person ends, and when it was last extended."""
        statement = (
            'SELECT "expiresAt", s."updatedAt" FROM session s JOIN "user" u ON u.id = s."userId" WHERE email = %s'
        )
        ((expires, updated),) = self.sql(statement, email)
        return expires, updated


@pytest.fixture(scope="module", params=["text", pytest.param("uuid", marks=pytest.mark.thorough)])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None
) -> Iterator[World]:
    """With text ids the site makes the tables and the server finds them; with uuid ids it is the other way round."""
    ids = request.param
    folder = tmp_path_factory.mktemp(f"world-{ids}")
    with new_database(postgresql_template() if ids == "text" else "template1") as database:
        options = {"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET}
        generate = {"GENERATE_ID": "uuid"} if ids == "uuid" else {}
        with (
            running_auth_server(database, folder / "auth.log", **generate) as auth,
            running_server(folder / "site.log", **options, BETTER_AUTH_URL=auth, TRUSTED_PROXIES="1") as server,
        ):
            yield World(server.origin, auth, database, ids)
        assert "Traceback" not in (folder / "site.log").read_text()
        assert "problem" not in (folder / "auth.log").read_text().lower()


@pytest.fixture
def email() -> str:
    return f"person{next(numbers)}@example.org"


def sign_up_here(person: Person, email: str) -> None:
    answer = person.post("/sign-up/", name=f"Name of {email}", email=email, password=PASSWORD)
    assert answer.status == 303, answer.text


def sign_up_there(person: Person, email: str) -> None:
    answer = person.tell_auth("/sign-up/email", name=f"Name of {email}", email=email, password=PASSWORD)
    assert answer.status == 200, answer.text


def sign_in_here(person: Person, email: str, **fields: str) -> None:
    answer = person.post("/sign-in/", email=email, password=PASSWORD, **fields)
    assert answer.status == 303, answer.text


# Where no id is seen, one kind of them is enough.
whatever_the_ids = pytest.mark.parametrize("world", ["text"], indirect=True)


@pytest.fixture(params=[sign_up_here, sign_up_there], ids=["signed up here", "signed up there"])
def sign_up(request: pytest.FixtureRequest) -> Callable[[Person, str], None]:
    way: Callable[[Person, str], None] = request.param
    return way


def test_signing_up_on_either_side_is_being_signed_in_on_both(
    world: World, email: str, sign_up: Callable[[Person, str], None]
) -> None:
    person = world.person()
    assert not person.is_signed_in_here()
    sign_up(person, email)
    assert f"Name of {email}" in person.get("/").text
    assert person.ask_auth("/get-session").json["user"]["email"] == email
    attribute = "attrelid = 'task'::regclass AND attname = 'user_id'"
    ((column,),) = world.sql(f"SELECT format_type(atttypid, -1) FROM pg_attribute WHERE {attribute}")
    assert column == world.ids
    assert person.post("/tasks/new/", title="Milk").status == 303
    assert "Milk" in person.get("/").text


@pytest.mark.parametrize("side", ["here", "there"])
def test_signing_out_on_either_side_ends_both(world: World, email: str, side: str) -> None:
    person, elsewhere = world.person(), world.person()
    sign_up_here(person, email)
    sign_in_here(elsewhere, email)
    stolen = Person(world.site, world.auth)
    for cookie in person.jar:
        stolen.jar.set_cookie(cookie)
    if side == "here":
        assert person.post("/sign-out/", form="/").status == 303
    else:
        assert person.tell_auth("/sign-out").status == 200
    assert person.cookie("session_token") is None
    for browser in (person, stolen):
        assert not browser.is_signed_in_here()
        assert not browser.is_signed_in_there()
    assert elsewhere.is_signed_in_here()


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_revoked_session_ends_at_its_next_request(world: World, email: str, side: str) -> None:
    person, elsewhere = world.person(), world.person()
    sign_up_here(person, email)
    sign_in_here(elsewhere, email)
    if side == "here":
        page = "/settings/sessions/"
        assert person.post(f"{page}revoke/", form=page, session="others").status == 303
    else:
        assert person.tell_auth("/revoke-other-sessions").status == 200
    assert not elsewhere.is_signed_in_here()
    assert not elsewhere.is_signed_in_there()
    assert person.is_signed_in_here()
    assert person.is_signed_in_there()


def test_somebody_banned_there_is_nobody_here(world: World, email: str) -> None:
    person, boss = world.person(), world.person()
    sign_up_here(person, email)
    sign_up_here(boss, f"boss-{email}")
    world.sql("UPDATE \"user\" SET role = 'admin' WHERE email = %s", f"boss-{email}")
    user_id = person.ask_auth("/get-session").json["user"]["id"]
    world.sql('UPDATE "user" SET banned = true WHERE email = %s', email)  # by hand: its session goes on there
    assert not person.is_signed_in_here()
    world.sql('UPDATE "user" SET banned = false WHERE email = %s', email)
    assert person.is_signed_in_here()
    assert boss.tell_auth("/admin/ban-user", userId=user_id).status == 200
    assert not person.is_signed_in_here()
    answer = world.person().post("/sign-in/", email=email, password=PASSWORD)
    assert answer.status == 422
    assert "This account is blocked" in answer.text


@pytest.mark.parametrize(("days", "hours", "extended"), [(5, 23, True), (6, 1, False)])
def test_a_session_in_use_is_extended_as_the_server_does_it(
    world: World, email: str, days: int, hours: int, extended: bool
) -> None:
    lines = []
    for side in ("here", "there"):
        person, address = world.person(), f"{side}-{email}"
        sign_up_here(person, address)
        left = datetime.now(UTC) + timedelta(days=days, hours=hours)
        own = '"userId" = (SELECT id FROM "user" WHERE email = %s)'
        world.sql(f'UPDATE session SET "expiresAt" = %s WHERE {own}', left, address)
        before = world.session(address)
        answer = person.get("/") if side == "here" else person.ask_auth("/get-session")
        expires, updated = world.session(address)
        assert ((expires, updated) != before) is extended
        if extended:
            assert timedelta(0) <= datetime.now(UTC) + timedelta(days=7) - expires < timedelta(minutes=1)
            assert datetime.now(UTC) - updated < timedelta(minutes=1)
        lines.append([line for line in answer.headers.get_all("Set-Cookie", []) if "session_token" in line])
    assert [len(found) for found in lines] == ([1, 1] if extended else [0, 0])
    if extended:
        here, there = (attributes(found[0]) for found in lines)
        assert here == there


def attributes(line: str) -> set[str]:
    """A Set-Cookie line without its value; a date says again what Max-Age says."""
    parts = {part.strip() for part in line.split(";")[1:]}
    return {part for part in parts if not part.lower().startswith("expires=")}


@whatever_the_ids
def test_a_session_that_is_not_to_be_remembered_stays_one_day_on_both_sides(world: World, email: str) -> None:
    person = world.person()
    sign_up_here(person, email)
    person.post("/sign-out/", form="/")
    sign_in_here(person, email)  # the box is not ticked
    token = person.cookie("session_token")
    assert token
    assert token.discard
    assert person.cookie("dont_remember")
    for _ in range(2):
        assert person.is_signed_in_here()
        assert person.is_signed_in_there()
        expires, _updated = world.session(email)
        assert expires - datetime.now(UTC) <= timedelta(days=1)
    sign_in_here(other := world.person(), email, remember_me="on")
    remembered = other.cookie("session_token")
    assert remembered
    assert remembered.expires
    assert other.cookie("dont_remember") is None


@whatever_the_ids
def test_refusals_come_as_words_at_the_field(world: World, email: str) -> None:
    person = world.person()
    sign_up_here(person, email)
    stranger = world.person()
    wrong = stranger.post("/sign-in/", email=email, password="not the password")
    unknown = stranger.post("/sign-in/", email=f"x{email}", password="not the password")
    for answer in (wrong, unknown):
        assert answer.status == 422
        assert "Wrong e-mail address or password." in answer.text
        assert "not the password" not in answer.text
    taken = stranger.post("/sign-up/", name="Me", email=email, password=PASSWORD)
    assert taken.status == 422
    assert re.search(r'id="id_email_error">\s*<li>An account with this e-mail address already exists', taken.text)


@whatever_the_ids
def test_the_password_and_the_name_change_at_the_server(world: World, email: str) -> None:
    person, elsewhere = world.person(), world.person()
    sign_up_here(person, email)
    sign_in_here(elsewhere, email)
    page = "/settings/"
    wrong = person.post(f"{page}password/", form=page, current_password="wrong", new_password="a new password")
    assert wrong.status == 422
    done = person.post(f"{page}password/", form=page, current_password=PASSWORD, new_password="a new password")
    assert done.status == 303
    assert person.is_signed_in_here()
    assert not elsewhere.is_signed_in_here()
    assert world.person().tell_auth("/sign-in/email", email=email, password="a new password").status == 200
    assert person.post(page, name="Renée").status == 303
    assert person.ask_auth("/get-session").json["user"]["name"] == "Renée"


def test_the_server_checks_the_password_before_all_tasks_are_erased(world: World, email: str) -> None:
    person = world.person()
    sign_up_here(person, email)
    person.post("/tasks/new/", title="Milk")
    page = "/settings/data/"
    fields = {"tasks-sure": "on", "tasks-current_password": "not the password"}
    wrong = person.post(f"{page}erase-tasks/", form=page, **fields)
    assert wrong.status == 422
    assert "Wrong password." in wrong.text
    assert "Milk" in person.get("/").text
    done = person.post(f"{page}erase-tasks/", form=page, **{**fields, "tasks-current_password": PASSWORD})
    assert done.status == 303
    assert "All tasks deleted" in person.get(done.headers["Location"]).text
    assert "Milk" not in person.get("/").text
    assert person.is_signed_in_there()


def test_the_server_deletes_the_account_with_all_that_is_its(world: World, email: str) -> None:
    person, elsewhere = world.person(), world.person()
    sign_up_here(person, email)
    sign_in_here(elsewhere, email)
    person.post("/tasks/new/", title="Milk")
    ((user_id,),) = world.sql('SELECT id FROM "user" WHERE email = %s', email)
    world.sql("INSERT INTO staff (user_id) VALUES (%s)", user_id)
    page = "/settings/data/"
    fields = {"account-sure": "on", "account-current_password": "not the password"}
    assert person.post(f"{page}delete-account/", form=page, **fields).status == 422
    assert person.is_signed_in_here()
    done = person.post(f"{page}delete-account/", form=page, **{**fields, "account-current_password": PASSWORD})
    assert done.status == 303
    assert person.cookie("session_token") is None
    assert "Account deleted" in person.get(done.headers["Location"]).text
    for browser in (person, elsewhere):
        assert not browser.is_signed_in_here()
        assert not browser.is_signed_in_there()
    for table in ("task", "task_event", "staff"):
        assert world.sql(f"SELECT 1 FROM {table} WHERE user_id = %s", user_id) == []
    for table in ("session", "account"):
        assert world.sql(f'SELECT 1 FROM {table} WHERE "userId" = %s', user_id) == []
    assert world.person().tell_auth("/sign-in/email", email=email, password=PASSWORD).status == 401


def test_the_server_deletes_the_account_of_somebody_who_has_no_password(world: World, email: str) -> None:
    person = world.person()
    sign_up_here(person, email)
    world.sql('DELETE FROM account WHERE "userId" = (SELECT id FROM "user" WHERE email = %s)', email)
    page = "/settings/data/"
    done = person.post(f"{page}delete-account/", form=page, **{"account-sure": "on"})
    assert (done.status, done.headers["Location"]) == (303, f"{page}receipt/")
    assert not world.sql('SELECT id FROM "user" WHERE email = %s', email)


@whatever_the_ids
def test_a_hundred_people_who_sign_in_at_once_get_their_own_cookies(world: World) -> None:
    people = [f"person{number}-{world.ids}@example.org" for number in range(100)]
    sign_up_there(world.person(), first := f"first-{world.ids}@example.org")
    world.sql(  # the others have the same password, and so the same hash: making a hundred would take a minute
        """
        WITH made AS (
            INSERT INTO "user" (id, name, email, "emailVerified")
            SELECT gen_random_uuid(), email, email, false FROM unnest(%s::text[]) AS email RETURNING id
        )
        INSERT INTO account (id, "accountId", "providerId", "userId", password, "updatedAt")
        SELECT gen_random_uuid(), made.id, 'credential', made.id, password, now() FROM made, account
        WHERE account."userId" = (SELECT id FROM "user" WHERE email = %s)
        """,
        people,
        first,
    )

    def page_of(email: str) -> str:
        person = world.person()
        sign_in_here(person, email, remember_me="on")
        return person.get("/").text + str(person.ask_auth("/get-session").json["user"]["email"])

    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(page_of, people))
    for email, page in zip(people, pages, strict=True):
        assert set(re.findall(r"person\d+-\w+@example.org", page)) == {email}


def test_the_official_client_and_our_forms_share_one_session(world: World, email: str) -> None:
    script = f"""
        import {{ createAuthClient }} from "better-auth/client";
        let cookie = "";
        const client = createAuthClient({{ baseURL: {json.dumps(world.auth)}, fetchOptions: {{
          headers: {{ Origin: {json.dumps(world.auth)} }},
          onRequest: (context) => {{ if (process.argv[1]) context.headers.set("Cookie", process.argv[1]); }},
          onSuccess: (context) => {{ cookie = context.response.headers.get("set-cookie") ?? cookie; }},
        }} }});
        const answer = process.argv[1]
          ? await client.getSession()
          : await client.signUp.email({json.dumps({"name": "Client", "email": email, "password": PASSWORD})});
        console.log(JSON.stringify({{ cookie: cookie.split(";")[0], user: answer.data?.user?.email ?? null }}));
    """

    def client(*cookie: str) -> Any:
        process = run_node("--input-type=module", "--eval", script, *cookie, database=world.database)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        return json.loads(output)

    made = client()
    assert made["user"] == email
    person = world.person()
    page = person.get("/", Cookie=made["cookie"])
    assert page.status == 200
    assert "Client" in page.text
    sign_in_here(person, email, remember_me="on")
    ours = person.cookie("session_token")
    assert ours
    assert client(f"{ours.name}={ours.value}")["user"] == email


@whatever_the_ids
def test_limits_the_tries_for_an_account_whatever_the_addresses(world: World, email: str) -> None:
    sign_up_here(world.person(), email)

    def attempt(number: int, password: str) -> Any:
        return Person(world.site, world.auth, f"198.51.100.{number}").post("/sign-in/", email=email, password=password)

    assert [attempt(number, "wrong password").status for number in range(10)] == [422] * 10
    assert attempt(10, PASSWORD).status == 429


@whatever_the_ids
def test_limits_sign_ins_by_address(world: World, email: str, tmp_path: Path, collected_static_files: None) -> None:
    sign_up_here(world.person(), email)
    options = {"DATABASE_URL": world.database, "BETTER_AUTH_SECRET": SECRET, "TRUSTED_PROXIES": "1"}
    with (
        running_auth_server(world.database, tmp_path / "auth.log", RATE_LIMIT="on", **ids_of(world)) as auth,
        start_server(tmp_path / "site.log", **options, BETTER_AUTH_URL=auth) as server,
    ):

        def attempt(address: str) -> Any:
            return Person(server.origin, auth, address).post("/sign-in/", email=email, password=PASSWORD)

        answers = [attempt("198.51.100.7") for _ in range(4)]
        assert [answer.status for answer in answers] == [303, 303, 303, 429]
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 10
        assert "Too many attempts" in answers[3].text
        assert email in answers[3].text
        assert PASSWORD not in answers[3].text
        assert attempt("198.51.100.8").status == 303


def ids_of(world: World) -> dict[str, str]:
    return {"GENERATE_ID": "uuid"} if world.ids == "uuid" else {}


def test_moves_from_embedded_accounts_to_the_server_and_back(
    world: World, email: str, tmp_path: Path, collected_static_files: None
) -> None:
    options = {"DATABASE_URL": world.database, "BETTER_AUTH_SECRET": SECRET, "TRUSTED_PROXIES": "1"}
    with start_server(tmp_path / "site.log", **options, BETTER_AUTH_URL="") as server:
        person = Person(server.origin, world.auth)
        sign_up_here(person, email)
        person.post("/tasks/new/", title="Made before the move")
        assert person.is_signed_in_there()
        assert person.ask_auth("/token").status == 200
        moved = world.person()
        assert moved.tell_auth("/sign-in/email", email=email, password=PASSWORD).status == 200
        assert "Made before the move" in moved.get("/").text
        moved = Person(world.site, world.auth, jar=person.jar)
        assert "Made before the move" in moved.get("/").text
        sign_up_there(back := Person(server.origin, world.auth), f"back-{email}")
        assert back.is_signed_in_here()
        again = Person(server.origin, world.auth)
        sign_in_here(again, f"back-{email}")


def test_deleting_a_user_takes_their_tasks_and_their_place_among_the_staff_along(world: World, email: str) -> None:
    person = world.person()
    sign_up_here(person, email)
    person.post("/tasks/new/", title="Gone soon")
    manage("staff", "add", email, environment={"DATABASE_URL": world.database})
    assert person.get("/admin/").status == 200
    world.sql('DELETE FROM "user" WHERE email = %s', email)
    assert world.sql("SELECT 1 FROM task WHERE title = 'Gone soon'") == []
    assert not person.is_signed_in_here()
