from __future__ import annotations

import gzip
import re
from typing import Any

import brotli
import pytest
from django.test import Client

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def page_in(client: Client, accepted: str) -> Any:
    return client.get("/sign-in/", headers={"accept-encoding": accepted})


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=1.0", "br"),
        ("gzip, br;q=0", "gzip"),
        ("br;q=0.0, gzip", "gzip"),
        ("gzip", "gzip"),
        ("sober", None),
        ("", None),
    ],
)
def test_sends_a_page_in_an_encoding_that_the_browser_takes(
    client: Client, accepted: str, encoding: str | None
) -> None:
    page = page_in(client, accepted)
    assert page.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in page.headers["Vary"]
    assert page.headers["Content-Length"] == str(len(page.content))
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert b"<h1>Sign in</h1>" in unpack(page.content)


@pytest.mark.parametrize("accepted", ["br", "gzip", "gzip, deflate, br, zstd"])
def test_leaves_a_redirect_empty(alices: Client, accepted: str) -> None:
    response = alices.post("/tasks/new/", {"title": "Milk"}, headers={"accept-encoding": accepted})
    assert (response.status_code, response.content) == (303, b"")
    assert response.headers["Content-Length"] == "0"
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("accepted", ["br", "gzip"])
def test_gives_a_page_another_length_each_time(client: Client, accepted: str) -> None:
    assert len({len(page_in(client, accepted).content) for _ in range(30)}) > 5


def test_pads_behind_the_page_and_with_nothing_that_repeats(client: Client) -> None:
    ends = {brotli.decompress(page_in(client, "br").content).decode().rpartition("</html>")[2] for _ in range(5)}
    assert len(ends) == 5
    assert all(re.fullmatch(r"<!-- [0-9a-f]{2,200} -->", end.strip()) for end in ends)
