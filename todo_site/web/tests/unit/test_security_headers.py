"""The security headers of every page."""

from __future__ import annotations

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


def test_answers_with_a_page_where_not_even_https_can_be_led_to(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "<h1>Invalid request</h1>" in response.text
