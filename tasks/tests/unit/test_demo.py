"""The management command for sample data."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

pytestmark = pytest.mark.django_db


def test_demo_makes_an_account_with_tasks(client: Client) -> None:
    output = StringIO()
    call_command("demo", stdout=output)
    _, email, _, password = output.getvalue().split()
    client.post("/sign-in/", {"email": email, "password": password})
    assert "Buy milk" in client.get("/").text
