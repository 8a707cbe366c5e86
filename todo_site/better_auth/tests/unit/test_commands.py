"""The management commands for accounts."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_staff_command_adds_lists_and_removes(alice: User, alices: Client) -> None:
    output = StringIO()
    call_command("staff", "add", "Alice@Example.org", stdout=output)
    assert alices.get("/admin/").status_code == 200
    call_command("staff", "list", stdout=output)
    assert "alice@example.org\t" in output.getvalue()
    call_command("staff", "remove", "alice@example.org", stdout=output)
    assert alices.get("/admin/", follow=True).status_code == 403
    with pytest.raises(CommandError, match="no account"):
        call_command("staff", "add", "nobody@example.org")


def test_createsuperuser_makes_an_account_that_can_sign_in(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", interactive=False, email="boss@example.org", name="Boss", stdout=StringIO())
    form = {"email": "boss@example.org", "password": "correct horse battery"}
    assert client.post("/sign-in/?next=/admin/", form).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
