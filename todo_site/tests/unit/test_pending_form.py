"""What happens to a text when its form is not taken: the session ended, or the form could not be checked."""

from __future__ import annotations

import html
import re
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import Session, User
from todo_site.better_auth.tests.factories import make_account
from todo_site.tests.html_forms import the_form
from todo_site.web.error_views import database_unavailable

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PASSWORD = "correct horse battery"
TEXT = "Milk & bread\n  <b>ünï</b> 🎉 “quoted” \\ \"'\n\nlast"
HERE = {"origin": "http://testserver"}


@pytest.fixture
def alice() -> User:
    """Alice with a password."""
    return make_account("alice@example.org", PASSWORD, "Alice")


def sign_in_on(client: Client, page: str, password: str = PASSWORD) -> Any:
    action, fields = the_form(page)
    assert action == "/sign-in/"
    return client.post(action, {**fields, "email": "alice@example.org", "password": password}, headers=HERE)


@pytest.fixture
def strict() -> Client:
    """A browser that has to show the token of a form, as all of them do."""
    return Client(enforce_csrf_checks=True)


def signed_in(strict: Client) -> None:
    sign_in_on(strict, strict.get("/sign-in/").text)


def test_brings_the_text_through_signing_in_to_where_it_was_going(strict: Client, alice: User) -> None:
    signed_in(strict)
    _action, fields = the_form(strict.get("/tasks/new/").text)
    Session.objects.all().delete()
    typed = {**fields, "title": "Shopping", "description": TEXT, "next": "/?status=all"}
    asked = strict.post("/tasks/new/", typed, headers=HERE)
    assert asked.status_code == 401
    assert html.escape("ünï</b> 🎉", quote=False) in asked.text
    assert "Sign in to continue" in asked.text

    wrong = sign_in_on(strict, asked.text, "not the password")
    assert wrong.status_code == 422
    assert "not the password" not in wrong.text
    again = sign_in_on(strict, wrong.text)
    assert again.status_code == 200
    assert PASSWORD not in again.text

    action, fields = the_form(again.text)
    assert (action, fields["title"], fields["description"]) == ("/tasks/new/", ["Shopping"], [TEXT])
    sent = strict.post(action, fields, headers=HERE)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/?status=all")
    task = Task.objects.for_user(alice.id).get()
    assert (task.title, task.description, str(task.pk)) == ("Shopping", TEXT, fields["id"][0])


def test_saves_nothing_of_somebody_who_is_signed_out(client: Client, alice: User) -> None:
    task = make_task(alice.id, title="Milk")
    for path in (f"/tasks/{task.id}/edit/", f"/tasks/{task.id}/delete/", f"/tasks/{uuid.uuid4()}/edit/"):
        response = client.post(path, {"title": "Bread", "status": "pending"})
        assert response.status_code == 401
        assert "Milk" not in response.text
    assert Task.objects.for_user(alice.id).get().title == "Milk"


def test_keeps_every_one_of_repeated_fields(client: Client, alice: User) -> None:
    ids = [str(make_task(alice.id).id) for _ in range(3)]
    asked = client.post("/tasks/bulk/", {"task": ids[:2], "action": "complete"})
    action, fields = the_form(sign_in_on(client, asked.text).text)
    assert client.post(action, fields).status_code == 303
    assert Task.objects.for_user(alice.id).completed().count() == 2


def test_carries_no_password_and_no_token(client: Client) -> None:
    fields = {"title": "Milk", "Password2": "hidden-1", "csrfmiddlewaretoken": "hidden-2"}
    page = client.post("/tasks/new/", fields).text
    assert "Milk" in page
    assert "hidden-" not in page


CSV = 'title,description\r\n"Milk","two\r\nlitres & “more”"\r\n'


def test_carries_the_text_of_a_file(strict: Client, alice: User) -> None:
    signed_in(strict)
    _action, fields = the_form(strict.get("/import/").text)
    Session.objects.all().delete()
    file = ContentFile(CSV.encode("utf-8-sig"), "my tasks.csv")
    asked = strict.post("/import/", {**fields, "file": file}, headers=HERE)
    assert "litres &amp; “more”" in asked.text
    action, fields = the_form(sign_in_on(strict, asked.text).text)
    assert (action, fields["file_name"]) == ("/import/", ["my tasks.csv"])
    assert fields["file_text"] == [CSV]
    wrong = strict.post(action, {**fields, "file_text": "name\nMilk"}, headers=HERE)
    assert wrong.status_code == 422
    assert "“my tasks.csv” could not be imported" in wrong.text
    assert "name\nMilk</textarea>" in wrong.text
    assert strict.post(action, fields, headers=HERE).status_code == 303
    planned = strict.get("/import/").text
    assert "1 task is new" in planned
    take = re.findall(r'formaction="([^"]+)"', planned)[0]
    assert strict.post(take, the_form(planned)[1], headers=HERE).status_code == 303
    assert Task.objects.for_user(alice.id).get().description == "two\nlitres & “more”"


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04\xff", b"x\0", b"x" * (2**18 + 1), b"\n" * 2**18],
    ids=["binary", "NUL", "large", "large in a form"],
)
def test_says_that_a_file_has_to_be_chosen_again(
    strict: Client, alice: User, rf: RequestFactory, content: bytes
) -> None:
    asked = strict.post("/import/", {"file": ContentFile(content, "photos <1>.zip")}, headers=HERE)
    assert asked.status_code == 403  # no token: signing in has one
    assert "photos &lt;1&gt;.zip” was not imported" in asked.text
    _action, fields = the_form(strict.get("/sign-in/").text)
    asked = strict.post("/import/", {**fields, "file": ContentFile(content, "photos.zip")}, headers=HERE)
    assert asked.status_code == 401
    assert "photos.zip” was not imported" in asked.text
    assert sign_in_on(strict, asked.text).headers["Location"] == "/import/"
    away = database_unavailable(rf.post("/import/", {"file": ContentFile(content, "photos.zip")}))
    assert "photos.zip” was not imported" in away.text
    assert 'href="/import/"' in away.text
    assert "Submit again" not in away.text


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example/tasks/new/",
        "https://evil.example/",
        "/\\evil.example",
        "/nothing/",
        "/admin/tasks/task/",
        "/sign-in/",
        "/sign-out/",
        "/settings/password/",
        "/healthz",
        "/%ff",
        "tasks/new/",
        "javascript:alert(1)",
        "",
    ],
)
def test_carries_a_text_to_the_forms_of_this_site_only(client: Client, alice: User, to: str) -> None:
    form = {"email": "alice@example.org", "password": PASSWORD, "typed": '[["title", "Milk"]]', "to": to}
    response = client.post("/sign-in/", form)
    assert (response.status_code, response.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("typed", ["", "x", "{}", "[1]", "[[1]]", '["abc"]', "null", '[["a", "\\ud800"]]', "[" * 9999])
def test_signs_in_whatever_is_carried(client: Client, alice: User, typed: str) -> None:
    form = {"email": "alice@example.org", "password": PASSWORD, "typed": typed, "to": "/tasks/new/"}
    assert client.post("/sign-in/", form).status_code in {200, 303}


def test_leads_programs_to_no_form(client: Client) -> None:
    response = client.post("/tasks/new/", {"title": "Milk"}, headers={"authorization": "Bearer x.y.z"})
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


# A form that could not be checked


def test_offers_to_send_a_form_again_that_was_open_for_too_long(strict: Client, alice: User) -> None:
    signed_in(strict)
    stale = strict.post("/tasks/new/", {"title": "Shopping", "description": TEXT}, headers=HERE)
    assert stale.status_code == 403
    assert not Task.objects.for_user(alice.id).exists()
    action, fields = the_form(stale.text)
    assert strict.post(action, fields, headers=HERE).status_code == 303
    assert Task.objects.for_user(alice.id).get().description == TEXT


def test_goes_by_the_referer_where_the_browser_names_no_origin(strict: Client, alice: User) -> None:
    response = strict.post("/tasks/new/", {"title": "Milk"}, headers={"referer": "http://testserver/tasks/new/"})
    assert "Submit again" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "https://testserver"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://testserver:81"},
        {"origin": "http://["},
        {"origin": "http://evil.example", "referer": "http://testserver/"},
        {"referer": "http://evil.example/http://testserver/"},
        {"referer": "http://testserver@evil.example/"},
    ],
)
def test_only_shows_the_text_of_a_form_from_elsewhere(strict: Client, alice: User, headers: dict[str, str]) -> None:
    signed_in(strict)
    response = strict.post("/tasks/new/", {"title": "Milk", "next": "/?evil"}, headers=headers)
    assert response.status_code == 403
    assert "Milk" in response.text
    assert "<form" not in response.text
    assert "evil" not in response.text


@pytest.mark.parametrize("path", ["/sign-in/", "/settings/password/", "/admin/tasks/task/", "/nothing/"])
def test_shows_nothing_of_a_form_that_is_not_the_tasks(strict: Client, path: str) -> None:
    response = strict.post(path, {"title": "Milk", "password": "hidden"}, headers=HERE)
    assert response.status_code in {403, 404}
    assert "Milk" not in response.text
    assert "hidden" not in response.text


def test_keeps_a_text_that_is_carried_when_signing_in_could_not_be_checked(strict: Client, alice: User) -> None:
    asked = strict.post("/tasks/new/", {"title": "Milk"}, headers=HERE)  # no token: 403 first
    action, fields = the_form(asked.text)
    asked = strict.post(action, fields, headers=HERE)
    assert asked.status_code == 401
    strict.cookies["csrftoken"] = "a" * 32
    stale = sign_in_on(strict, asked.text)
    assert stale.status_code == 403
    action, fields = the_form(stale.text)
    assert (action, fields["title"]) == ("/tasks/new/", ["Milk"])


# The database away


def test_keeps_every_field_and_line_end_while_the_database_is_away(rf: RequestFactory) -> None:
    ids = [str(uuid.uuid4()) for _ in range(2)]
    sent = {"task": ids, "action": "complete", "lines": f"\n{TEXT}", "csrfmiddlewaretoken": "old"}
    response = database_unavailable(rf.post("/tasks/bulk/?status=all", sent))
    action, fields = the_form(response.text)
    assert action == "/tasks/bulk/?status=all"
    assert fields.pop("csrfmiddlewaretoken") != ["old"]
    assert fields == {"task": ids, "action": ["complete"], "lines": [f"\n{TEXT}"]}
    assert re.search(r"<textarea[^>]* name=\"lines\"", response.text)
