"""Reading settings from the environment, and creating .env."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from todo_site import env

# The same whatever the database.
pytestmark = pytest.mark.sqlite
SECRET = "hunter2"
POSTGRESQL = f"postgresql://todo:{SECRET}@127.0.0.1/todo"
boolean = partial(env.boolean, default=False)
integer = partial(env.integer, default=5, min_value=1, max_value=99)
database = partial(env.database, default="sqlite:///db.sqlite3")


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        *[(boolean, value, True) for value in ("1", "true", "True", "YES", "on")],
        *[(boolean, value, False) for value in ("0", "false", "No", "OFF", "")],
        *[(integer, value, int(value or 5)) for value in ("1", "99", "007", "")],
        (env.required, "x", "x"),
        (partial(env.text, default="a"), "", "a"),
        (partial(env.text, default="a"), "b", "b"),
        (partial(env.comma_list, default=["a"]), "", ["a"]),
        (partial(env.comma_list, default=["a"]), " b,, c ,", ["b", "c"]),
        (env.origin, "", ""),
        (env.origin, "http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        (env.origin, "https://[::1]:3000", "https://[::1]:3000"),
        (env.origins, "", []),
        (env.origins, "https://a.example, https://*.b.example", ["https://a.example", "https://*.b.example"]),
    ],
)
def test_reads(monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], value: str, expected: object) -> None:
    monkeypatch.setenv("SOME_SETTING", value)
    assert read("SOME_SETTING") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}),
        ("sqlite:////srv/todo.sqlite3", {"NAME": "/srv/todo.sqlite3"}),
        (POSTGRESQL, {"ENGINE": "django.db.backends.postgresql", "USER": "todo", "PASSWORD": SECRET, "NAME": "todo"}),
        ("postgres://h:5433/todo?sslmode=require", {"PORT": 5433, "OPTIONS": {"sslmode": "require"}}),
        ("postgresql://todo:a%2Fb%3F%40@h/todo", {"PASSWORD": "a/b?@", "HOST": "h"}),
    ],
)
def test_reads_a_database_address(monkeypatch: pytest.MonkeyPatch, value: str, expected: dict[str, object]) -> None:
    monkeypatch.setenv("SOME_SETTING", value)
    read = database("SOME_SETTING")
    assert {key: read[key] for key in expected} == expected


REFUSED: list[tuple[Callable[[str], Any], list[str]]] = [
    (env.required, [""]),
    (boolean, [SECRET, "2", "truee", "true false", "nein"]),
    (integer, [SECRET, "0", "100", "-1", "1.5", "1_0", " 1", "0x1", "１", "²", "9" * 5000]),
    (
        env.origin,
        [
            SECRET,
            f"http://{SECRET}/auth",
            f"http://user:{SECRET}@127.0.0.1",
            f"http://127.0.0.1?{SECRET}",
            f"ftp://{SECRET}",
            f"http://[{SECRET}]",
            f"http://[{SECRET}",
            f"http://127.0.0.1:{SECRET}",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:1:2",
            "http://127.0.0.1\nhttp://127.0.0.2",
            "http://",
            "http://:80",
            "//127.0.0.1",
            "javascript:alert(1)",
        ],
    ),
    (env.origins, [SECRET, f"https://a.example,{SECRET}", "https://a.example https://b.example"]),
    (
        database,
        [
            SECRET,
            f"mysql://user:{SECRET}@127.0.0.1/todo",
            f"postgresql://user:{SECRET}@127.0.0.1",
            f"postgresql://user:{SECRET}@127.0.0.1:port/todo",
            f"postgresql://user:{SECRET}@127.0.0.1:99999/todo",
            f"postgresql://user:{SECRET}/more@127.0.0.1/todo",
            f"postgresql://user:{SECRET}?more@127.0.0.1/todo",
        ],
    ),
]


@pytest.mark.parametrize(
    ("read", "value"), [pytest.param(read, value, id=value[:40]) for read, values in REFUSED for value in values]
)
def test_refuses_by_name_in_one_line_without_the_value(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], value: str
) -> None:
    monkeypatch.setenv("SOME_SETTING", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read("SOME_SETTING")
    assert re.fullmatch(r"SOME_SETTING [^\n]+\.", str(refused.value))
    assert SECRET not in str(refused.value)
    assert len(value) < 3 or value not in str(refused.value)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example"
    path.write_text("# SECRET_KEY=\nSECRET_KEY=\nBETTER_AUTH_SECRET=\nDEBUG=false\n")
    return path


def test_makes_env_with_secrets_of_its_own(tmp_path: Path, example: Path) -> None:
    made = []
    for name in ("one", "two"):
        env.make_env_file(tmp_path / name, example)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        made += re.findall(
            r"^(?:SECRET_KEY|BETTER_AUTH_SECRET)=(\S{50,})$", (tmp_path / name).read_text(), re.MULTILINE
        )
    assert len(made) == len(set(made)) == 4
    assert (tmp_path / "one").read_text().startswith("# SECRET_KEY=\nSECRET_KEY=")
    assert (tmp_path / "one").read_text().endswith("\nDEBUG=false\n")
    assert {path.name for path in tmp_path.iterdir()} == {"example", "one", "two"}


def test_leaves_a_file_alone_that_is_there(tmp_path: Path, example: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=mine\n")
    env.make_env_file(tmp_path / ".env", example)
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=mine\n"
    assert {path.name for path in tmp_path.iterdir()} == {"example", ".env"}


def test_says_in_one_line_that_env_cannot_be_written(tmp_path: Path, example: Path) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        env.make_env_file(tmp_path / "missing" / ".env", example)
    assert re.fullmatch(r"SECRET_KEY is not set and \S+ cannot be written: [^\n]+\.", str(refused.value))


def test_says_so_too_on_a_disk_that_takes_no_writes(
    tmp_path: Path, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(30, "Read-only file system")

    for function in ("open", "link", "unlink"):  # unlink() too, and for a file that is not there
        monkeypatch.setattr(os, function, refuse)
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set and .+ cannot be written: Read-only"):
        env.make_env_file(tmp_path / ".env", example)
