"""Methods that no page supports."""

from __future__ import annotations

import pytest
from django.test import Client

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"])
@pytest.mark.parametrize("path", ["/", "/admin/", "/nothing/"])
def test_takes_no_method_by_which_no_page_is_asked(client: Client, method: str, path: str) -> None:
    response = client.generic(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")
