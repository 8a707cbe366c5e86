"""People who must never see anything of each other, each with a mark in every word of theirs; and how one asks as them.

The site is asked by Django's test client, within a transaction that is taken back: so everything can be asked of the
same people, one after the other, even to delete an account.
"""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.signing import b64_decode
from django.db import connection, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jwt.algorithms import OKPAlgorithm

from tasks.models import Task
from tasks.tests.factories import make_task
from tasks.transfer.models import PendingImport
from todo_site.better_auth import bearer_tokens, signed_cookies
from todo_site.better_auth.models import Session, Staff, User
from todo_site.better_auth.tests.factories import add_column, make_session, make_user
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry
from todo_site.preferences.models import Preferences
from todo_site.web import rate_limits

AUTH_SERVER = "http://127.0.0.1:9"  # where nobody answers; its key is known already
KEY = Ed25519PrivateKey.generate()
TOKEN_COOKIE = "better-auth.session_token"

VISITORS = [
    "nobody",
    "alice",
    "bob",
    "staff with a reason",
    "staff without a reason",
    "somebody banned",
    "bob by a token",
    "a bad token",
]
TABLES = ["task", "task_event", "task_upload", "preferences"]
ACCOUNTS = ['"user"', "session", "account", "staff", "verification"]

ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{64})(?![0-9a-f])")
FORM_TOKEN = re.compile(rb'(?<=value=")[A-Za-z0-9]{64}(?=")')
COST = re.compile(rb"(?<=dur=)[\d.]+|(?<=statements: )\d+")
# In words a time is "1:05 p.m.", "1 p.m." or "noon": what an element of time holds goes as a whole.
TIME = re.compile(
    rb"(?<=<time )[^>]*>[^<]*|\d{4}-\d\d-\d\dT[\d:.]+|\d\d?:\d\d(:\d\d)?( [ap]\.m\.)?|(?<=value=\")\d{16}(?=\")"
)


@dataclass(frozen=True)
class Person:
    """Somebody with a task, one in the trash, the entry of its deletion and a file that waits to be imported."""

    name: str
    user: User
    session: Session
    task: Task
    trashed: uuid.UUID
    entry: JournalEntry
    upload: PendingImport

    @property
    def words(self) -> bytes:
        """What stands in each of their titles, descriptions and files, and nowhere else."""
        return f"words-of-{self.name}".encode()

    @property
    def account(self) -> bytes:
        """What stands in their name and e-mail address, and nowhere else."""
        return f"account-of-{self.name}".encode()

    @property
    def cookie(self) -> str:
        return f"{TOKEN_COOKIE}={signed_cookies.sign(self.session.token)}"

    def id_for(self, route: str) -> str:
        """The id of theirs that a route with an id asks for."""
        for part, own in (("trash/", self.trashed), ("undo/", self.entry.id), ("import/", self.upload.id)):
            if route.startswith(part):
                return str(own)
        return self.user.id if "better_auth/user" in route else str(self.task.id)


def make_person(name: str) -> Person:
    user = make_user(name=f"account-of-{name}", email=f"account-of-{name}@example.org")
    tasks, words = Task.objects.for_user(user.id), f"words-of-{name}"
    task, second = (make_task(user.id, title=f"{words} {n}", description=f"{words}, described") for n in ("one", "two"))
    tasks.trash(second.pk, ChangeContext())
    entry = JournalEntry.objects.for_user(user.id).in_trash().get()
    upload = PendingImport.objects.for_user(user.id).store(f"{words}.txt", f"{words}, to come\n".encode())
    Preferences.objects.for_user(user.id).upsert(time_zone="Europe/Berlin")
    return Person(name, user, make_session(user=user), task, second.pk, entry, upload)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes
    queries: int

    @property
    def masked(self) -> tuple[Any, ...]:
        """All of it but what is new in each answer, and the id that was asked for.

        Of what an answer says that it cost only the times are: its number of statements is that of the queries.
        """
        new = {"X-Request-ID", "Content-Length", "Expires"}
        headers = {name: ID.sub(b"", value.encode()) for name, value in self.headers.items() if name not in new}
        if "Server-Timing" in headers:
            headers["Server-Timing"] = COST.sub(b"", headers["Server-Timing"])
        values = {name: ID.sub(b"", unpacked(value)) for name, value in self.cookies.items() if name != "csrftoken"}
        body = TIME.sub(b"", FORM_TOKEN.sub(b"", ID.sub(b"", self.body)))
        return self.status, headers, values, body, self.queries


def unpacked(cookie: str) -> bytes:
    """What Django's signing packed into a cookie, without its time and its signature."""
    packed = cookie.rsplit(":", 2)[0].encode()
    try:
        return zlib.decompress(b64_decode(packed[1:])) if packed.startswith(b".") else b64_decode(packed)
    except ValueError:
        return packed


CLIENT = Client(raise_request_exception=False)


@dataclass
class Visitor:
    """Somebody who asks: by a session, by a token, or without either."""

    name: str
    person: Person | None = None
    headers: dict[str, str] = field(default_factory=dict)
    server: str = ""
    is_staff: bool = False
    has_reason: bool = False
    # A test client for all: it loads the middleware once. Whatever a view raises is answered as in production.
    client: Client = CLIENT

    def ask(self, method: str, path: str, data: Any = "", **extra: Any) -> Answer:
        self.client.cookies.clear()
        rate_limits.local_counter.clear()
        if method == "POST":
            send: Callable[..., Any] = lambda: self.client.post(path, data, headers=self.headers, **extra)  # noqa: E731
        else:
            send = lambda: self.client.generic(method, path, headers=self.headers, **extra)  # noqa: E731
        server = override_settings(BETTER_AUTH_URL=self.server) if self.server else nullcontext()
        with server, CaptureQueriesContext(connection) as queries:
            response = send()
        told = re.search(r"statements: (\d+)", response.headers.get("Server-Timing", ""))
        assert told is None or int(told[1]) == len(queries)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        values = {name: morsel.value for name, morsel in response.cookies.items()}
        # A limit's first try in a while makes its row, and tidies up.
        number = sum("rate_limit" not in query["sql"] for query in queries)
        return Answer(response.status_code, dict(response.headers), values, body, number)


@dataclass(frozen=True)
class Personas:
    alice: Person
    bob: Person
    sam: Person  # of the staff, who has given a reason to see what is Alice's
    mallory: Person  # banned
    visitors: dict[str, Visitor]

    @property
    def people(self) -> list[Person]:
        return [self.alice, self.bob, self.sam, self.mallory]

    def own(self, visitor: Visitor, *, in_admin: bool = False) -> Person:
        """Whose ids a visitor may use, or could use if they were let in."""
        return self.alice if in_admin or visitor.person is None else visitor.person

    def other(self, visitor: Visitor, *, in_admin: bool = False) -> Person:
        return self.bob if self.own(visitor, in_admin=in_admin) is self.alice else self.alice

    def foreign_words(self, visitor: Visitor, *, in_admin: bool = False) -> list[bytes]:
        allowed = [self.alice] if visitor.has_reason and in_admin else [visitor.person]
        return [person.words for person in self.people if person not in allowed]

    def foreign_accounts(self, visitor: Visitor, *, in_admin: bool = False) -> list[bytes]:
        allowed = self.people if visitor.is_staff and in_admin else [visitor.person]
        return [person.account for person in self.people if person not in allowed]


def make_personas() -> Personas:
    alice, bob, sam, mallory = (make_person(name) for name in ("alice", "bob", "sam", "mallory"))
    add_column("banned", "boolean")
    with connection.cursor() as cursor:
        cursor.execute('UPDATE "user" SET banned = %s WHERE id = %s', [True, mallory.user.id])
    Staff.objects.create(user=sam.user)
    visitors = [
        Visitor("nobody"),
        Visitor("alice", alice, {"cookie": alice.cookie}),
        Visitor("bob", bob, {"cookie": bob.cookie}),
        Visitor(
            "staff with a reason",
            sam,
            {"cookie": f"{sam.cookie}; {reason_cookie(sam, alice)}"},
            is_staff=True,
            has_reason=True,
        ),
        Visitor("staff without a reason", sam, {"cookie": sam.cookie}, is_staff=True),
        Visitor("somebody banned", None, {"cookie": mallory.cookie}),
        Visitor("bob by a token", bob, {"authorization": f"Bearer {token_of(bob.user)}"}, server=AUTH_SERVER),
        Visitor("a bad token", None, {"authorization": f"Bearer {token_of(bob.user)[:-4]}"}, server=AUTH_SERVER),
    ]
    return Personas(alice, bob, sam, mallory, {visitor.name: visitor for visitor in visitors})


def reason_cookie(staff: Person, owner: Person) -> str:
    """The session in which a member of the staff has said why they open somebody's tasks."""
    ask = Visitor("staff", staff, {"cookie": staff.cookie}).ask
    answer = ask("POST", f"/admin/tasks/task/reason/?user={owner.user.id}", {"reason": "Asked to"})
    return f"sessionid={answer.cookies['sessionid']}"


def token_of(user: User) -> str:
    jwk = {**OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "tests", "alg": "EdDSA"}
    bearer_tokens._key_sets[AUTH_SERVER] = bearer_tokens.KeySet(
        {"tests": jwt.PyJWK.from_dict(jwk)}, requested_at=monotonic()
    )
    now = int(timezone.now().timestamp())
    claims = {"sub": user.id, "iss": AUTH_SERVER, "aud": AUTH_SERVER, "iat": now, "exp": now + 900}
    return jwt.encode(claims, KEY, "EdDSA", headers={"kid": "tests"})


def rows(*tables: str) -> dict[str, list[Any]]:
    """Everything in these tables, read past Django and every layer of ours."""
    return {
        table: connection.connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in tables or (*TABLES, *ACCOUNTS)
    }


def of_owner(person: Person) -> list[str]:
    """Everything in the tables that has to do with somebody."""
    return [str(row) for found in rows().values() for row in found if person.user.id in map(str, row)]


@contextmanager
def taken_back() -> Iterator[None]:
    """Nothing that is done within this has been done afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
