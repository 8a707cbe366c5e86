"""Error pages."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_error_pages_name_the_request(alices: Client) -> None:
    response = alices.get("/nothing-here/")
    assert response.status_code == 404
    assert response.headers["X-Request-ID"] in response.text
