"""Strict-Transport-Security."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.mark.sqlite
@pytest.mark.parametrize("route", ["", "sign-in/", "healthz", "admin/", "nothing/", "csp-report"])
def test_tells_browsers_to_come_by_tls_only(client: Client, settings: Settings, route: str) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    answers = [client.generic(method, f"/{route}", secure=True) for method in ("GET", "POST", "TRACE")]
    assert {answer.headers.get("Strict-Transport-Security") for answer in answers} == {
        "max-age=31536000; includeSubDomains"
    }
