"""Erasing all one's tasks, and the account: asked for twice, done for good, for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tasks.models import Task
from todo_site.account_deletion import count_rows
from todo_site.better_auth.models import Account, Session, Staff, User
from todo_site.better_auth.rate_limits import BY_ACCOUNT
from todo_site.better_auth.tests.factories import make_account
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
PAGE, RECEIPT = "/settings/data/", "/settings/data/receipt/"


@pytest.fixture
def alice() -> User:
    """Alice with a password, two tasks, one more in the trash, and four entries in her journal."""
    user = make_account("alice@example.org", PASSWORD, "Alice")
    fill(user)
    return user


@pytest.fixture
def bob() -> User:
    user = make_account("bob@example.org", PASSWORD, "Bob")
    fill(user)
    return user


def fill(user: User) -> None:
    tasks = Task.objects.for_user(user.id)
    for title in ("Milk", "Bread", "Secret"):
        tasks.add(Task(user_id=user.id, title=title), ChangeContext("r1"))
    tasks.filter(title="Secret").move_to_trash(ChangeContext("r1"))


def kept(user: User) -> dict[str, int]:
    return {label: n for label, n in count_rows(user.id).items() if n}


ALL = {"tasks.Task": 2, "trash": 1, "journal.JournalEntry": 4}
NOTHING: dict[str, int] = {}


def confirm(client: Client, what: str, password: str = PASSWORD, sure: str = "on") -> Response:
    path = {"tasks": "erase-tasks", "account": "delete-account"}[what]
    given = {f"{what}-current_password": password, f"{what}-sure": sure}
    return client.post(f"{PAGE}{path}/", {name: value for name, value in given.items() if value})


def amounts(response: Response) -> list[int]:
    return [n for n in range(100) if f"<dd>{n}</dd>" in response.text]


both = pytest.mark.parametrize("what", ["tasks", "account"])


def test_says_how_much_there_is(alices: Client, bob: User) -> None:
    page = alices.get(PAGE)
    assert amounts(page) == [1, 2, 4]
    assert 'aria-current="page">Your data' in page.text


def test_erases_all_tasks_and_gives_a_receipt(alices: Client, alice: User, bob: User) -> None:
    response = confirm(alices, "tasks")
    assert (response.status_code, response.headers["Location"]) == (303, RECEIPT)
    assert (kept(alice), kept(bob)) == (NOTHING, ALL)
    receipt = alices.get(RECEIPT)
    assert "All tasks deleted" in receipt.text
    assert amounts(receipt) == [1, 2, 4]
    assert response.headers["X-Request-ID"] in receipt.text
    assert "Secret" not in alices.get("/history/").text
    assert alices.get("/").status_code == 200


def test_deletes_the_account_with_all_that_is_its_and_signs_out_everywhere(
    alices: Client, alice: User, bob: User, sign_in: Callable[[User], Client]
) -> None:
    elsewhere = sign_in(alice)
    Staff.objects.create(user=alice)
    response = confirm(alices, "account")
    assert (response.status_code, response.headers["Location"]) == (303, RECEIPT)
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert response.cookies["better-auth.session_token"]["max-age"] == 0
    assert list(User.objects.all()) == [bob]
    assert [model.objects.exclude(user=bob).count() for model in (Session, Account, Staff)] == [0, 0, 0]
    assert (kept(alice), kept(bob)) == (NOTHING, ALL)
    assert elsewhere.get("/").status_code == 302
    receipt = alices.get(RECEIPT)
    assert receipt.status_code == 200
    assert "Account deleted" in receipt.text
    assert amounts(receipt) == [1, 2, 4]
    assert response.headers["X-Request-ID"] in receipt.text
    assert "alice" not in receipt.text.lower()
    form = {"email": "alice@example.org", "password": PASSWORD}
    assert alices.post("/sign-in/", form).status_code == 422


@both
@pytest.mark.parametrize(("password", "sure"), [("wrong password", "on"), ("", "on"), (PASSWORD, ""), ("\0", "on")])
def test_erases_nothing_by_half_a_wish(alices: Client, alice: User, what: str, password: str, sure: str) -> None:
    response = confirm(alices, what, password, sure)
    assert response.status_code == 422
    assert "Please check the following" in response.text
    assert PASSWORD not in response.text
    assert kept(alice) == ALL
    assert User.objects.filter(pk=alice.pk).exists()
    assert alices.get(RECEIPT).status_code == 404


@pytest.fixture
def no_password(alice: User) -> None:
    """Alice signs in by somebody else's accounts."""
    Account.objects.filter(user=alice).update(provider_id="github", account_id="17", password=None)


@both
@pytest.mark.usefixtures("no_password")
def test_takes_a_new_session_of_somebody_who_has_no_password(alices: Client, alice: User, bob: User, what: str) -> None:
    page = alices.get(PAGE).text
    assert "Your account has no password on this site" in page
    assert 'type="password"' not in page
    response = confirm(alices, what, password="")
    assert (response.status_code, response.headers["Location"]) == (303, RECEIPT)
    assert (kept(alice), kept(bob)) == (NOTHING, ALL)
    assert User.objects.filter(pk=alice.pk).exists() is (what == "tasks")


@both
@pytest.mark.usefixtures("no_password")
def test_asks_somebody_who_has_no_password_to_sign_in_again(
    alices: Client, alice: User, what: str, sign_in: Callable[[User], Client]
) -> None:
    Session.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    alices.get("/")
    sign_in(alice)  # elsewhere: of no use here
    response = confirm(alices, what)
    assert response.status_code == 422
    assert "Sign out and sign in again" in response.text
    assert kept(alice) == ALL
    assert User.objects.filter(pk=alice.pk).exists()


@both
def test_limits_the_tries_as_signing_in_does(alices: Client, alice: User, what: str) -> None:
    for _ in range(BY_ACCOUNT.limit):
        BY_ACCOUNT.check(alice.id)
    response = confirm(alices, what)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert kept(alice) == ALL


@both
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_erases_nothing_by_another_method(alices: Client, alice: User, what: str, method: str) -> None:
    path = {"tasks": "erase-tasks", "account": "delete-account"}[what]
    assert getattr(alices, method)(f"{PAGE}{path}/").status_code == 405
    assert kept(alice) == ALL


@both
def test_erases_nothing_for_a_form_of_another_site(alices: Client, alice: User, what: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    assert confirm(strict, what).status_code == 403
    assert kept(alice) == ALL


def test_erases_twice_as_once(alices: Client, alice: User) -> None:
    assert [confirm(alices, "tasks").status_code for _ in range(2)] == [303, 303]
    assert amounts(alices.get(RECEIPT)) == [0]


def test_shows_a_receipt_for_an_hour_and_to_nobody_else(
    alices: Client, alice: User, bobs: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(alices, "tasks")
    assert [browser.get(RECEIPT).status_code for browser in (alices, bobs, client)] == [200, 404, 404]
    later = timezone.now() + timedelta(minutes=61)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert alices.get(RECEIPT).status_code == 404


@both
def test_says_in_the_log_that_it_was_done_and_not_by_whom(
    alices: Client, alice: User, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    confirm(alices, what)
    alices.get(RECEIPT)
    (line,) = [record for record in caplog.records if record.name == "todo_site.account_deletion"]
    assert line.request.id  # type: ignore[attr-defined]
    written = caplog.text + "".join(str({**vars(record), "request": ""}) for record in caplog.records)
    assert not [secret for secret in ("alice", "Milk", PASSWORD, alice.id) if secret in written]


def test_lets_the_database_forget_them_too(alices: Client, alice: User, bob: User) -> None:
    confirm(alices, "account")
    with connection.cursor() as cursor:
        for table in ("task", "task_event"):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE user_id = %s", [alice.id])
            assert cursor.fetchone() == (0,)
    assert JournalEntry.objects.for_user(bob.id).exists()
