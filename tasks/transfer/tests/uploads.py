"""Uploads files and confirms imports."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def choose(client: Client, name: str, content: str | bytes) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return client.post("/import/", {"file": SimpleUploadedFile(name, content)})


def preview(client: Client, name: str, content: str | bytes) -> str:
    response = choose(client, name, content)
    assert (response.status_code, response.headers["Location"]) == (303, "/import/")
    return client.get("/import/").text


def confirm(client: Client, page: str) -> str:
    found = re.search(r'formaction="(/import/[0-9a-f-]+/)"', page)
    assert found
    return client.post(found[1], follow=True).text


def take(client: Client, name: str, content: str | bytes) -> str:
    return confirm(client, preview(client, name, content))
