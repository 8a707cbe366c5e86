"""Sends the forms to sign in and to sign up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

EMAIL, PASSWORD = "alice@example.org", "correct horse battery"
ID = re.compile(r"[a-zA-Z0-9]{32}")


def sign_up(client: Client, **fields: str) -> Response:
    form = {"name": "Alice", "email": EMAIL, "password": PASSWORD, **fields}
    return client.post("/sign-up/", form, headers={"user-agent": "Lynx"})


def sign_in(client: Client, *, address: str = "127.0.0.1", secure: bool = False, **fields: str) -> Response:
    form = {"email": EMAIL, "password": PASSWORD, **fields}
    return client.post("/sign-in/", form, headers={"user-agent": "Lynx"}, REMOTE_ADDR=address, secure=secure)
