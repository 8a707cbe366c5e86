"""Outages of the Better Auth server and replies that are not its own, from a stub."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.rate_limits import BY_ACCOUNT
from todo_site.better_auth.tests.factories import make_session
from todo_site.better_auth.tests.stub_server import (
    DONT_REMEMBER,
    EMAIL,
    ENTER,
    FAULTS,
    FORM,
    GOOD,
    PASSWORD,
    PASSWORDS,
    SESSION,
    UNAVAILABLE,
    Stub,
    answer,
    away,
    error_of_form,
    raw,
    refusal,
    says,
    slow,
)

if TYPE_CHECKING:
    pass

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.mark.parametrize("path", ENTER)
def test_says_that_accounts_cannot_be_reached(
    client: Client, stub: Stub, fault: None, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    response = client.post(path, {**FORM, "next": "/tasks/new/"})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert error_of_form(response) == UNAVAILABLE
    assert f'value="{EMAIL}"' in response.text
    assert ('value="Alice"' in response.text) == (path == "/sign-up/")
    assert 'name="next" value="/tasks/new/"' in response.text
    assert PASSWORD not in response.text
    assert SESSION not in response.cookies
    assert len(stub.seen) <= 1
    assert [record.message for record in caplog.records if record.message.startswith("Better Auth server: POST /")]
    written = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert not [secret for secret in (PASSWORD, EMAIL, "stolen") if secret in written]


@pytest.mark.parametrize("fault", [away, slow, FAULTS["an empty 500"], FAULTS["HTML"]], indirect=True)
def test_says_so_in_the_settings_too(alices: Client, alice: User, fault: None) -> None:
    response = alices.post("/settings/password/", PASSWORDS)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert error_of_form(response) == UNAVAILABLE
    assert not [password for password in PASSWORDS.values() if password in response.text]
    response = alices.post("/settings/", {"name": "Lady Alice"})
    assert response.status_code == 503
    assert 'value="Lady Alice"' in response.text
    assert User.objects.get().name == "Alice"
    assert alices.get("/").status_code == 200


@pytest.fixture
def password(alice: User) -> None:
    """One that only the server can read."""
    times = {"created_at": alice.created_at, "updated_at": alice.updated_at}
    row = {"id": "a" * 32, "account_id": alice.id, "provider_id": "credential", "password": "by another method"}
    Account.objects.create(user=alice, **row, **times)


DATA = "/settings/data/"
ERASE_TASKS = {"tasks-sure": "on", "tasks-current_password": PASSWORD}
DELETE_ACCOUNT = {"account-sure": "on", "account-current_password": PASSWORD}


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("fault", [away, FAULTS["an empty 500"], FAULTS["HTML"], FAULTS["null"]], indirect=True)
def test_erases_nothing_while_the_server_cannot_check_the_password(alices: Client, alice: User, fault: None) -> None:
    make_task(alice.id)
    for path, form in ((f"{DATA}erase-tasks/", ERASE_TASKS), (f"{DATA}delete-account/", DELETE_ACCOUNT)):
        response = alices.post(path, form)
        assert response.status_code == 503
        assert error_of_form(response) == UNAVAILABLE
    assert Task.objects.for_user(alice.id).count() == 1


@pytest.mark.usefixtures("password")
def test_says_that_the_server_deletes_no_accounts_and_leaves_everything(
    alices: Client, alice: User, stub: Stub
) -> None:
    make_task(alice.id)
    stub.answer = raw(b"", "404 Not Found")
    response = alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT)
    assert response.status_code == 422
    assert error_of_form(response).startswith("You can delete your tasks here, but not your account.")
    assert User.objects.get() == alice
    assert Task.objects.for_user(alice.id).count() == 1
    assert alices.get("/").status_code == 200


@pytest.mark.usefixtures("password")
def test_says_that_the_server_wants_the_deletion_confirmed_by_mail(alices: Client, alice: User, stub: Stub) -> None:
    stub.answer = answer({"success": True, "message": "Verification email sent"})
    response = alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT)
    assert response.status_code == 422
    assert error_of_form(response).startswith("We have sent you an e-mail")
    assert alices.get("/").status_code == 200


@pytest.mark.usefixtures("password")
def test_counts_the_tries_of_a_password_that_the_server_does_not_count(alices: Client, alice: User, stub: Stub) -> None:
    stub.answer = refusal(400, "INVALID_PASSWORD")
    for _ in range(BY_ACCOUNT.limit):
        response = alices.post(f"{DATA}erase-tasks/", ERASE_TASKS)
        assert response.status_code == 422
    assert "Wrong password." in response.text
    for path, form in ((f"{DATA}erase-tasks/", ERASE_TASKS), (f"{DATA}delete-account/", DELETE_ACCOUNT)):
        assert alices.post(path, form).status_code == 429
    assert len(stub.seen) == BY_ACCOUNT.limit


def test_asks_the_server_without_a_password_for_somebody_new_here_who_has_none(
    alices: Client, alice: User, stub: Stub
) -> None:
    stub.answer = answer({"success": True})
    for created_at in (timezone.now() - timedelta(minutes=11), timezone.now()):
        Session.objects.update(created_at=created_at)
        assert alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT).status_code == 422
    ((path, body),) = [(request.path, request.body) for request in stub.seen]
    assert (path, body) == ("/api/auth/delete-user", {})


SIGN_OUT_FAULTS = {
    **FAULTS,
    "429": says(answer({"message": "Too many requests."}, status=429)),
    "a refusal": says(refusal(403, "INVALID_ORIGIN")),
    "another refusal": says(refusal(400, "BAD_REQUEST")),
    "an answer without cookies": says(answer({"success": True})),
}


@pytest.mark.parametrize("fault", SIGN_OUT_FAULTS.values(), ids=SIGN_OUT_FAULTS, indirect=True)
def test_signs_out_all_the_same(
    alice: User, bob: User, alices: Client, fault: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token, others = Session.objects.get(user=alice).token, {make_session(user=user).pk for user in (alice, bob)}
    response = alices.post("/sign-out/")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/")
    assert set(Session.objects.values_list("pk", flat=True)) == others
    for name in (SESSION, DONT_REMEMBER, "better-auth.session_data"):
        expiring = response.cookies[name]
        assert (expiring.value, expiring["max-age"], expiring["path"]) == ("", 0, "/")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert token not in caplog.text
    cookie = f"{SESSION}={signed_cookies.sign(token)}"
    assert Client().get("/", headers={"cookie": cookie}).headers["Location"] == "/sign-in/?next=/"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(
    client: Client, stub: Stub, start_stub: Callable[[], Stub], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = start_stub()
    stub.answer = raw(b"", f"{status} Moved", f"Location: {elsewhere.url}/api/auth/sign-in/email")
    response = client.post("/sign-in/", FORM)
    assert response.status_code == 503
    assert error_of_form(response) == UNAVAILABLE
    assert (len(stub.seen), elsewhere.connections) == (1, 0)
    assert elsewhere.url not in response.text + caplog.text


def test_goes_nowhere_for_a_location_beside_a_good_answer(
    client: Client, stub: Stub, start_stub: Callable[[], Stub]
) -> None:
    elsewhere = start_stub()
    stub.answer = answer({**GOOD, "redirect": True, "url": elsewhere.url}, f"Location: {elsewhere.url}/")
    response = client.post("/sign-in/", FORM)
    assert (response.status_code, response.headers["Location"], elsewhere.connections) == (303, "/", 0)
