"""Read settings from the environment. A malformed value raises ImproperlyConfigured with the variable's name."""

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
    """The process's environment, then ``.env``. os.environ itself is not changed."""

    ENVIRON = ChainMap({}, os.environ)


env = Env()

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
ORIGIN = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.*-]+)(:[0-9]{1,5})?")


class MalformedValue(ValueError):
    """Raised with the end of a sentence that starts with the variable's name. It never contains the value."""


def required(name: str) -> str:
    if value := Env.ENVIRON.get(name, ""):
        return value
    raise ImproperlyConfigured(f"{name} must be set, unless DEBUG is on or the site uses SQLite and embedded accounts.")


def boolean(name: str, default: bool) -> bool:
    def parse(text: str) -> bool:
        if text.lower() not in TRUE | FALSE:
            raise MalformedValue("must be true or false")
        return text.lower() in TRUE

    return _read(name, default, parse)


def integer(name: str, default: int, min_value: int, max_value: int) -> int:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and min_value <= int(text) <= max_value):
            raise MalformedValue(f"must be a whole number from {min_value} to {max_value}")
        return int(text)

    return _read(name, default, parse)


def text(name: str, default: str) -> str:
    return _read(name, default, str)


def comma_list(name: str, default: list[str]) -> list[str]:
    return _read(name, default, lambda text: [part.strip() for part in text.split(",") if part.strip()])


def origin(name: str) -> str:
    """Return an origin such as https://auth.example.org, without a path; "" if it is not set."""
    return _read(name, "", lambda text: _origin(text.rstrip("/")))


def origins(name: str) -> list[str]:
    return _read(name, [], lambda text: [_origin(part.strip()) for part in text.split(",") if part.strip()])


def database(name: str, default: str) -> dict[str, Any]:
    """Return Django's dictionary for sqlite:///path or postgresql://user:password@host/name?sslmode=…"""

    def parse(text: str) -> dict[str, Any]:
        if not text.startswith(("sqlite://", "postgresql://", "postgres://")):
            raise MalformedValue("must be a sqlite:/// or postgresql:// URL")
        parsed: dict[str, Any] = env.db_url_config(text)
        if not parsed.get("NAME"):
            raise MalformedValue("must name a database")
        return parsed

    return _read(name, parse(default), parse)


def _read[T](name: str, default: T, parse: Callable[[str], T]) -> T:
    value = Env.ENVIRON.get(name, "")
    if not value:
        return default
    try:
        return parse(value)
    except MalformedValue as error:
        raise ImproperlyConfigured(f"{name} {error}.") from None
    except ValueError:
        # A library's message may quote the value, which may contain a password.
        raise ImproperlyConfigured(f"{name} is invalid.") from None


def _origin(text: str) -> str:
    if not ORIGIN.fullmatch(text) or not has_host_and_port(text):
        raise MalformedValue("must be an origin such as https://todo.example.org")
    return text


def has_host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a malformed IPv6 address, or a port over 65535
        return False


def make_env_file(path: Path, example: Path) -> None:
    """Write ``path`` (mode 600) from the example with random secrets, unless it already exists."""
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
        os.link(partial, path)  # fails if another process was faster, as a rename would not
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"SECRET_KEY is not set and {path} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def is_embedded() -> bool:
    """Return whether neither a database server nor a Better Auth server is configured."""
    database_url = Env.ENVIRON.get("DATABASE_URL", "")
    return (not database_url or database_url.startswith("sqlite:")) and not Env.ENVIRON.get("BETTER_AUTH_URL")
