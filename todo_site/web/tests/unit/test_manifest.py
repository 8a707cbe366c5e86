"""What browsers fetch for everybody: the manifest, the icons and robots.txt."""

from __future__ import annotations

import gzip
import struct
from urllib.parse import urlsplit

import brotli
import pytest
from django.templatetags.static import static
from django.test import Client

from todo_site.tests.server import ROOT

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

PNG = b"\x89PNG\r\n\x1a\n"


def body_of(client: Client, path: str) -> tuple[bytes, str, str]:
    response = client.get(path)
    assert response.status_code == 200, path
    content = b"".join(response) if response.streaming else response.content
    return content, response.headers["Content-Type"], response.headers["Cache-Control"]


def size_of(png: bytes) -> str:
    assert png.startswith(PNG)
    width, height = struct.unpack(">II", png[16:24])
    return f"{width}x{height}"


def test_describes_itself_in_the_browsers_language(client: Client) -> None:
    german = client.get("/manifest.webmanifest", headers={"accept-language": "de"})
    assert german.headers["Content-Type"] == "application/manifest+json"
    assert german.headers["Cache-Control"] == "public, max-age=86400"
    assert "Accept-Language" in german.headers["Vary"]
    assert (german.json()["name"], german.json()["lang"]) == ("Aufgaben", "de")
    assert client.get("/manifest.webmanifest").json()["name"] == "To-do"


def test_needs_no_database_for_a_signed_in_person_either(
    alices: Client, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        alices.get("/manifest.webmanifest")


def test_stays_on_its_own_site(client: Client) -> None:
    manifest = client.get("/manifest.webmanifest").json()
    places = [manifest["id"], manifest["start_url"], manifest["scope"], manifest["share_target"]["action"]]
    places += [entry["url"] for entry in manifest["shortcuts"]] + [entry["src"] for entry in manifest["icons"]]
    assert all(place.startswith("/") and not urlsplit(place).netloc for place in places)
    assert manifest["display"] == "standalone"


def test_has_icons_of_the_sizes_that_it_names(client: Client) -> None:
    for entry in client.get("/manifest.webmanifest").json()["icons"]:
        content, kind, caching = body_of(client, entry["src"])
        assert kind.startswith(entry["type"])
        assert "immutable" in caching
        assert len(content) < 8_000
        if kind == "image/png":
            assert size_of(content) == entry["sizes"]


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", None)])
@pytest.mark.parametrize("file", ["site/site.css", "site/site.js"])
def test_sends_what_was_compressed_ahead_and_will_never_change(
    client: Client, file: str, accepted: str, encoding: str | None
) -> None:
    response = client.get(static(file), headers={"accept-encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in response.headers["Vary"]
    caching = dict(part.partition("=")[::2] for part in response.headers["Cache-Control"].split(", "))
    assert {"public", "immutable"} <= caching.keys()
    assert int(caching["max-age"]) >= 31_536_000
    plain = b"".join(client.get(static(file)))
    sent = b"".join(response)
    assert {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding](sent) == plain
    assert encoding is None or len(sent) < len(plain) / 2


def test_leads_its_shortcuts_and_shares_to_pages_that_are_there(alices: Client) -> None:
    manifest = alices.get("/manifest.webmanifest").json()
    for entry in manifest["shortcuts"]:
        assert alices.get(entry["url"]).status_code == 200
    share = manifest["share_target"]
    shared = {"title": "A page", "text": "worth reading", "url": "https://example.org/"}
    query = [(share["params"][name], value) for name, value in shared.items()]
    page = alices.get(share["action"], query_params=query).text  # type: ignore[arg-type]
    assert 'value="A page"' in page
    assert "worth reading\nhttps://example.org/</textarea>" in page


def test_serves_what_is_looked_for_under_names_of_its_own(client: Client) -> None:
    icon, kind, caching = body_of(client, "/favicon.ico")
    assert (icon[:4], kind) == (b"\0\0\1\0", "image/x-icon")
    assert "max-age=86400" in caching
    robots, kind, caching = body_of(client, "/robots.txt")
    assert robots == b"User-agent: *\nDisallow: /\n"
    assert kind.startswith("text/plain")
    assert "max-age=86400" in caching


def test_names_its_icons_and_colours_on_every_page(client: Client, alices: Client) -> None:
    for page in (client.get("/sign-in/").text, alices.get("/").text, alices.get("/nothing-here/").text):
        assert '<link rel="manifest" href="/manifest.webmanifest">' in page
        assert '<link rel="apple-touch-icon" href="/static/site/icon-180.' in page
        assert page.count('<meta name="theme-color" media="(prefers-color-scheme: ') == 2
    alices.post("/settings/display/", {"theme": "dark", "density": "compact", "shortcuts": "True"})
    page = alices.get("/").text
    assert '<meta name="theme-color" content="#14171a">' in page
    assert '<meta name="color-scheme" content="dark">' in page


def test_uses_the_colours_of_the_stylesheet(client: Client) -> None:
    paper = "--paper: light-dark(#faf8f3, #14171a)"
    assert paper in (ROOT / "static" / "site" / "site.css").read_text()
    assert client.get("/manifest.webmanifest").json()["background_color"] == "#faf8f3"
