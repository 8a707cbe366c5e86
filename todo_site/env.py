"""The environment that the settings are made from: every malformed value is refused by name, in one line."""

from __future__ import annotations

import os
import re
import secrets
from collections import ChainMap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):  # type: ignore[misc]  # the library is not typed
    """The process's environment, and below it what ``.env`` says; os.environ itself stays as it was given."""

    ENVIRON = ChainMap({}, os.environ)


env = Env()

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
ORIGIN = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.*-]+)(:[0-9]{1,5})?")


class Malformed(ValueError):
    """A value that cannot be used; the message goes behind the variable's name and never shows the value."""


def required(name: str) -> str:
    if value := Env.ENVIRON.get(name, ""):
        return value
    raise ImproperlyConfigured(f"{name} is not set, and outside DEBUG and the embedded default it must be.")


def boolean(name: str, default: bool) -> bool:
    def parse(text: str) -> bool:
        if text.lower() not in TRUE | FALSE:
            raise Malformed("is neither true nor false")
        return text.lower() in TRUE

    return _read(name, default, parse)


def integer(name: str, default: int, least: int, most: int) -> int:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise Malformed(f"is not a whole number from {least} to {most}")
        return int(text)

    return _read(name, default, parse)


def text(name: str, default: str) -> str:
    return _read(name, default, str)


def comma_list(name: str, default: list[str]) -> list[str]:
    return _read(name, default, lambda text: [part.strip() for part in text.split(",") if part.strip()])


def origin(name: str) -> str:
    """An origin such as https://auth.example.org, without a path; "" if not set."""
    return _read(name, "", lambda text: _origin(text.rstrip("/")))


def origins(name: str) -> list[str]:
    return _read(name, [], lambda text: [_origin(part.strip()) for part in text.split(",") if part.strip()])


def database(name: str, default: str) -> dict[str, Any]:
    """A database URL as Django's dictionary: sqlite:///path or postgresql://user:password@host/name?sslmode=…"""

    def parse(text: str) -> dict[str, Any]:
        if not text.startswith(("sqlite://", "postgresql://", "postgres://")):
            raise Malformed("is not a sqlite:/// or postgresql:// address")
        parsed: dict[str, Any] = env.db_url_config(text)
        if not parsed.get("NAME"):
            raise Malformed("names no database")
        return parsed

    return _read(name, parse(default), parse)


def _read[T](name: str, default: T, parse: Callable[[str], T]) -> T:
    given = Env.ENVIRON.get(name, "")
    if not given:
        return default
    try:
        return parse(given)
    except Malformed as error:
        raise ImproperlyConfigured(f"{name} {error}.") from None
    except ValueError:
        # What a library says may quote the value, and that may be a password.
        raise ImproperlyConfigured(f"{name} cannot be read.") from None


def _origin(text: str) -> str:
    if not ORIGIN.fullmatch(text) or not has_host_and_port(text):
        raise Malformed("is not an origin such as https://todo.example.org")
    return text


def has_host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # no IPv6 address, or a port over 65535
        return False


def make_env_file(path: Path, example: Path) -> None:
    """Write ``path`` (mode 600) from the example, with secrets made at random. Leaves a file that is there alone."""
    text = re.sub(
        r"^(SECRET_KEY|BETTER_AUTH_SECRET)=$",
        lambda match: f"{match[1]}={secrets.token_urlsafe(48)}",
        example.read_text(),
        flags=re.MULTILINE,
    )
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(text)
        os.link(partial, path)  # whole or not at all, and never over the file of a process that was quicker
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"SECRET_KEY is not set and {path} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def is_embedded() -> bool:
    """Whether nothing outside this machine is named: no database server and no Better Auth server."""
    database_url = Env.ENVIRON.get("DATABASE_URL", "")
    return (not database_url or database_url.startswith("sqlite:")) and not Env.ENVIRON.get("BETTER_AUTH_URL")
