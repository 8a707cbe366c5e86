"""The security headers of every page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from todo_site.tests.routes import POLICIES
from todo_site.web.middleware import UNSUPPORTED_CONTENT_TYPE

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


@pytest.mark.parametrize(
    ("method", "environ", "status", "title"),
    [
        ("PUT", {}, 405, ""),
        ("POST", {"CONTENT_LENGTH": str(10**9)}, 413, "Anfrage zu groß"),
        ("POST", {UNSUPPORTED_CONTENT_TYPE: True}, 415, "Nicht unterstützte Formulardaten"),
        ("POST", {}, 403, "Das Formular konnte nicht überprüft werden"),
    ],
)
def test_rejects_a_request_in_its_language_and_with_all_headers(
    method: str, environ: dict[str, Any], status: int, title: str
) -> None:
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "de"})
    response = client.generic(method, "/tasks/new/", **environ)
    assert response.status_code == status
    assert title in response.text
    assert response.headers["Content-Language"] == "de"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert {"Cookie", "Accept-Language"} <= set(response.headers["Vary"].split(", "))
    assert {name: response.headers[name] for name in POLICIES} == POLICIES


def test_answers_with_a_page_where_not_even_https_can_be_led_to(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "<h1>Invalid request</h1>" in response.text
