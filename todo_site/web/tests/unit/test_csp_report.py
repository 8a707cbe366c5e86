"""Reports of violations of the Content Security Policy."""

from __future__ import annotations

import json
import logging

import pytest
from django.test import Client

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


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
