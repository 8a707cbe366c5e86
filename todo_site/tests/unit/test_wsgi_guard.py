from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory

from todo_site.tests.programs.request_fuzzing import CONTENT_TYPES, FORM, SEPARATOR
from todo_site.tests.routes import POLICIES

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def ask(method: str, path: str, content_type: str, body: bytes = b"", **more: Any) -> tuple[int, dict[str, str], str]:
    """What the whole application answers, as gunicorn would call it: the status, the headers and the page."""
    from todo_site.wsgi import application  # it looks for the static files, which are there by now

    environ = RequestFactory().generic(method, path, body, FORM, **more).environ
    environ |= {"CONTENT_TYPE": content_type, "wsgi.input": BytesIO(body), "wsgi.errors": BytesIO()}
    said: list[Any] = []
    page = b"".join(application(environ, lambda status, headers, exc_info=None: said.extend([status, headers])))
    return int(said[0][:3]), dict(said[1]), page.decode()


@pytest.mark.parametrize("path", ["/?q=a", "/nothing/"])
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_says_in_words_that_a_body_is_of_no_kind_that_it_reads(path: str, content_type: str) -> None:
    status, headers, page = ask("POST", path, content_type, b"title=x", HTTP_COOKIE=f"csrftoken={'a' * 32}")
    assert status == 415
    assert "<h1>Unsupported form data</h1>" in page
    assert "<p>Nothing was saved. Send the form in UTF-8, as browsers do.</p>" in page
    assert {name: headers.get(name) for name in POLICIES} == POLICIES


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_looks_at_no_kind_of_what_has_no_body(content_type: str) -> None:
    assert ask("GET", "/sign-in/?q=a", content_type)[0] == 200


@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        FORM.upper(),
        f"{FORM}; charset=UTF-8",
        f'{FORM};charset="utf-8"',
        f"multipart/form-data; boundary={SEPARATOR}",
        "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
        f'multipart/form-data; boundary="{SEPARATOR}"; charset=utf-8',
        "",
    ],
)
def test_takes_the_forms_that_browsers_send(content_type: str) -> None:
    assert ask("POST", "/sign-in/", content_type)[0] == 403  # the form's token is missing, and nothing else


@pytest.mark.parametrize("body", [b"", b"x", f"--{SEPARATOR}\r\n\r\n".encode(), f"--{SEPARATOR}--".encode() * 9])
@pytest.mark.parametrize(("path", "statuses"), [("/nothing/", {400, 404}), ("/sign-in/", {400, 403})])
def test_fails_by_no_broken_form(path: str, body: bytes, statuses: set[int]) -> None:
    kind = f"multipart/form-data; boundary={SEPARATOR}"
    assert ask("POST", path, kind, body, HTTP_COOKIE=f"csrftoken={'a' * 32}")[0] in statuses
