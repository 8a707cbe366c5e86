"""English and German: every text is translated, the setting wins over the browser, and nothing leaks between people."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.utils import translation

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.preferences.models import Preferences
from todo_site.tests.server import ROOT

# The same whatever the database.
pytestmark = pytest.mark.sqlite

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def folder(language: str) -> Path:
    return ROOT / "todo_site" / "locale" / language / "LC_MESSAGES"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def as_tuple(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def texts(catalog: Catalog) -> dict[object, Message]:
    return {(message.context, as_tuple(message.id)): message for message in catalog if message.id}


@pytest.fixture(scope="module")
def texts_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> dict[object, Message]:
    """What ``make messages`` finds."""
    options = re.search(r"^EXTRACT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert options
    target = tmp_path_factory.mktemp("texts") / "messages.pot"
    extract = ["pybabel", "--quiet", "extract", *shlex.split(options[1]), "--output-file", str(target), "."]
    command = [sys.executable, "-c", "from babel.messages.frontend import main; main()", *extract[1:]]
    subprocess.run(command, cwd=ROOT, check=True)
    return texts(read(target))


@pytest.mark.parametrize("language", LANGUAGES)
def test_translates_every_text_of_the_code(language: str, texts_of_the_code: dict[object, Message]) -> None:
    catalogue = texts(read(folder(language) / "django.po"))
    assert len(texts_of_the_code) > 100
    assert [key for key in texts_of_the_code if key not in catalogue] == [], "run make messages"
    assert [key for key in catalogue if key not in texts_of_the_code] == [], "run make messages"
    assert [key for key, message in catalogue.items() if not all(as_tuple(message.string))] == []
    assert [key for key, message in catalogue.items() if message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_keeps_the_placeholders(language: str) -> None:
    catalogue = texts(read(folder(language) / "django.po"))
    for message in catalogue.values():
        wanted = {frozenset(PLACEHOLDER.findall(text)) for text in as_tuple(message.id)}
        assert {frozenset(PLACEHOLDER.findall(text)) for text in as_tuple(message.string)} <= wanted, message.id
        assert len(as_tuple(message.string)) == (2 if message.pluralizable else 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_on_what_the_catalogue_says(language: str) -> None:
    with (folder(language) / "django.mo").open("rb") as file:
        compiled = texts(read_mo(file))
    catalogue = texts(read(folder(language) / "django.po"))
    assert {key: as_tuple(message.string) for key, message in compiled.items()} == {
        key: as_tuple(message.string) for key, message in catalogue.items()
    }, "run make messages"


def test_writes_german_quotes() -> None:
    for message in read(folder("de") / "django.po"):
        for text in as_tuple(message.string) if message.id else ():
            assert not re.search("[\"'”]", text), text
            assert text.count("„") == text.count("“"), text


# Which language

GERMAN, ENGLISH = "Deine Aufgaben", "Your tasks"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "words", "code"),
    [
        ("de", GERMAN, "de"),
        ("de-AT,de;q=0.9,en;q=0.1", GERMAN, "de"),
        ("fr,de;q=0.5", GERMAN, "de"),
        ("en-GB,de;q=0.5", ENGLISH, "en"),
        ("fr", ENGLISH, "en"),
        ("", ENGLISH, "en"),
        ("x" * 5000, ENGLISH, "en"),
        ("de;q=x,\0", ENGLISH, "en"),
    ],
)
def test_follows_the_browser(alices: Client, accepted: str, words: str, code: str) -> None:
    response = alices.get("/", headers={"accept-language": accepted})
    assert f"<h1>{words}</h1>" in response.text
    assert f'lang="{code}"' in response.text
    assert response.headers["Content-Language"] == code
    assert "Accept-Language" in response.headers["Vary"].split(", ")


@pytest.mark.django_db
def test_lets_the_setting_win_over_the_browser(alices: Client) -> None:
    alices.post("/settings/display/", {"language": "de", "theme": "device", "density": "compact", "shortcuts": "True"})
    assert GERMAN in alices.get("/", headers={"accept-language": "en"}).text
    alices.post("/settings/display/", {"language": "en", "theme": "device", "density": "compact", "shortcuts": "True"})
    assert ENGLISH in alices.get("/", headers={"accept-language": "de"}).text


@pytest.mark.django_db
def test_speaks_german_on_the_pages_for_everybody(client: Client) -> None:
    german = {"accept-language": "de"}
    assert "<h1>Anmelden</h1>" in client.get("/sign-in/", headers=german).text
    answer = client.post("/sign-up/", {"email": "x", "password": "short"}, headers=german)
    assert answer.status_code == 422
    assert "Gib eine gültige E-Mail-Adresse ein." in answer.text
    assert "Verwende mindestens 8 Zeichen." in answer.text


@pytest.mark.django_db
def test_speaks_german_on_error_pages(alices: Client) -> None:
    german = {"accept-language": "de"}
    assert "Nicht gefunden" in alices.get("/nothing-here/", headers=german).text
    assert "Zu deinen Aufgaben" in alices.get("/nothing-here/", headers=german).text
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    assert "konnte nicht überprüft werden" in strict.post("/tasks/new/", {"title": "x"}, headers=german).text
    too_large = alices.post("/tasks/new/", {"title": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}, headers=german)
    assert (too_large.status_code, "Anfrage zu groß" in too_large.text) == (413, True)


@pytest.mark.django_db
def test_writes_times_and_plurals_as_the_language_does(alice: User, alices: Client) -> None:
    german = {"accept-language": "de"}
    page = alices.get(f"/tasks/{make_task(alice.id).pk}/", headers=german).text
    assert re.search(r"<time [^>]*>\d{1,2}\. \w+ \d{4} \d{2}:\d{2} UTC</time>", page)
    alices.post("/settings/sessions/revoke/", {"session": "others"}, headers=german)
    assert "0 Sitzungen beendet." in alices.get("/", headers=german).text


@pytest.mark.django_db
def test_leaves_no_language_behind(alice: User, sign_in: Callable[[User], Client], client: Client) -> None:
    Preferences.objects.for_user(alice.id).upsert(language="de", time_zone="Asia/Tokyo")
    before = translation.get_language()
    browser = sign_in(alice)
    del browser.cookies[settings.PREFERENCES_COOKIE_NAME]
    assert GERMAN in browser.get("/").text
    assert translation.get_language() == before
    assert "<h1>Sign in</h1>" in client.get("/sign-in/").text
