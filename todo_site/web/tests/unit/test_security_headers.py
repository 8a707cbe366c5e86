from __future__ import annotations

import json
import logging

import pytest
from django.test import Client
from pytest_django import Settings

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/nothing/", "/healthz"])
def test_forbids_what_no_page_needs(alices: Client, path: str) -> None:
    headers = alices.get(path).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "Cookie" in headers["Vary"].split(", ")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"])
@pytest.mark.parametrize("path", ["/", "/admin/", "/nothing/"])
def test_takes_no_method_by_which_no_page_is_asked(client: Client, method: str, path: str) -> None:
    response = client.generic(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_answers_with_a_page_where_not_even_https_can_be_led_to(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "<h1>Invalid request</h1>" in response.text


def report(client: Client, body: bytes) -> int:
    return client.post("/csp-report", body, content_type="application/csp-report").status_code


def test_notes_a_violation_without_a_word_of_the_page(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    secret = "https://todo.example.org/?q=secret"
    violation = {"effective-directive": "script-src-elem", "blocked-uri": "https://evil.example/x.js?secret"}
    body = json.dumps({"csp-report": {**violation, "document-uri": secret, "script-sample": "secret"}})
    with caplog.at_level(logging.WARNING, "todo_site.web.csp_report"):
        assert report(Client(enforce_csrf_checks=True), body.encode()) == 204
    (record,) = [record for record in caplog.records if record.name == "todo_site.web.csp_report"]
    assert record.fields == {"directive": "script-src-elem", "blocked": "https"}  # type: ignore[attr-defined]
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"csp-report": 1}',
        b'{"csp-report": {}}',
        b'{"csp-report": []}',
        b'{"csp-report": {"effective-directive": "a\\nb"}}',
        b"[" * 5000,
        b"\xff",
    ],
)
def test_refuses_rubbish(client: Client, body: bytes) -> None:
    assert report(client, body) == 400


def test_refuses_a_report_that_is_too_long(client: Client) -> None:
    assert report(client, b"x" * 20_000) == 413


def test_names_where_to_report_to(client: Client) -> None:
    assert "report-uri /csp-report" in client.get("/sign-in/").headers["Content-Security-Policy"]
