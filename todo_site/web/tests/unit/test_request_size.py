from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from pytest_django import Settings

from tasks.models import Task
from todo_site.better_auth.models import User

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(params=[False, True], ids=["without the form's check", "with the form's check"])
def browser(request: pytest.FixtureRequest, alices: Client) -> Client:
    """Alice's browser; with the check, it is the middleware that reads the form first."""
    client = Client(enforce_csrf_checks=request.param)
    client.cookies = alices.cookies
    client.cookies["csrftoken"] = "a" * 32
    return client


def check_too_large(client: Client, data: object, content_type: str = MULTIPART_CONTENT) -> None:
    response = client.post("/tasks/new/", data, content_type=content_type)
    assert response.status_code == 413
    assert "Request too large" in response.text
    assert response.headers["X-Request-ID"] in response.text
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("content_type", [FORM, MULTIPART_CONTENT])
def test_says_in_words_that_a_form_is_too_large(browser: Client, alice: User, content_type: str) -> None:
    size = 3 * 2**20
    data = {"title": "x" * size} if content_type == MULTIPART_CONTENT else "title=" + "x" * size
    check_too_large(browser, data, content_type)
    assert not Task.objects.for_user(alice.id).exists()


@pytest.mark.parametrize("content_type", [FORM, MULTIPART_CONTENT])
def test_says_in_words_that_a_form_has_too_many_fields(browser: Client, content_type: str) -> None:
    fields = [f"task-{number}" for number in range(2000)]
    data = dict.fromkeys(fields, "x") if content_type == MULTIPART_CONTENT else "=x&".join(fields)
    check_too_large(browser, data, content_type)


def test_says_in_words_that_a_form_has_too_many_files(browser: Client) -> None:
    check_too_large(browser, {f"file-{number}": SimpleUploadedFile("a.txt", b"a") for number in range(200)})


def test_refuses_a_large_file_before_it_reads_it(browser: Client, settings: Settings) -> None:
    settings.REQUEST_MAX_BYTES = 10_000
    check_too_large(browser, {"file": SimpleUploadedFile("a.txt", b"a" * 10_000)})
    check_too_large(browser, b"a" * 10_001, "text/plain")
    assert browser.post("/tasks/new/", b"a" * 10_000, content_type="text/plain").status_code != 413


def test_takes_a_file_that_is_larger_than_a_form_may_be(alices: Client) -> None:
    response = alices.post("/tasks/new/", {"title": "x", "file": SimpleUploadedFile("a.txt", b"a" * 2 * 2**20)})
    assert response.status_code != 413


@pytest.mark.parametrize("length", ["", "-1", "1e9", "²", " ", "9" * 9])
def test_takes_any_length_for_what_has_no_body(client: Client, length: str) -> None:
    assert client.get("/healthz", CONTENT_LENGTH=length).status_code == (413 if length == "9" * 9 else 200)
