from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import Settings

from todo_site.better_auth.tests.factories import make_user
from todo_site.operations.log_formatter import JsonFormatter

TYPED = "buy a ring for Bob"


@login_not_required
def failing(request: HttpRequest) -> HttpResponse:
    raise LookupError(request.GET["title"])


urlpatterns = [path("failing/", failing)]


class Failure(Exception):
    pass


def written(record: logging.LogRecord) -> dict[str, Any]:
    """The line that is written for a record, which has no line of its own for anything."""
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def record(message: str, *arguments: object, name: str = "site", **extra: Any) -> logging.LogRecord:
    return logging.getLogger(name).makeRecord(
        name, logging.ERROR, __file__, 1, message, arguments, extra.pop("exc_info", None), extra=extra
    )


def stack(error: BaseException) -> str:
    """What is written of an error that was raised here; its message is nowhere in the line."""
    with pytest.raises(type(error)) as caught:
        raise error
    line = written(record("It failed", exc_info=(caught.type, caught.value, caught.tb)))
    assert TYPED not in str(line)
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "site", "It failed")
    return str(line["stack"])


def test_shows_where_an_error_happened_and_of_which_kind_but_not_its_message() -> None:
    text = stack(ValueError(TYPED))
    assert 'test_log_formatter.py", line' in text
    assert "in stack" in text
    assert text.endswith("builtins.ValueError")


@pytest.mark.parametrize("error", [Failure(), Failure(TYPED, TYPED), KeyError(TYPED), SystemExit(TYPED)])
def test_shows_no_argument_of_any_error(error: BaseException) -> None:
    assert stack(error).endswith(f"\n{type(error).__module__}.{type(error).__qualname__}")


def test_shows_no_note_of_an_error() -> None:
    error = Failure()
    error.add_note(TYPED)
    assert stack(error)


def test_shows_the_request_id() -> None:
    request = RequestFactory().get("/")
    request.id = "0123abcd"  # type: ignore[attr-defined]
    assert written(record("Went %s", "well", request=request))["request"] == "0123abcd"
    assert written(record("Went well"))["request"] is None
    assert written(record("Went well", request=RequestFactory().get("/")))["request"] is None


def test_writes_one_line_of_json() -> None:
    line = written(record("Went\n%s", "“well” \x1b[31m", fields={"status": 303, "bytes": 1}))
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
    message = "Went\n“well” \x1b[31m"
    expected = {"level": "ERROR", "logger": "site", "request": None, "message": message, "status": 303, "bytes": 1}
    assert line == expected


def caused() -> Exception:
    error = Failure(TYPED)
    error.__cause__ = LookupError(TYPED)
    error.__cause__.__cause__ = ZeroDivisionError(TYPED)
    return error


def in_the_course_of() -> Exception:
    error = Failure(TYPED)
    error.__context__ = LookupError(TYPED)
    error.__context__.__context__ = ZeroDivisionError(TYPED)
    return error


@pytest.mark.parametrize("chained", [caused(), in_the_course_of()], ids=["cause", "context"])
def test_shows_the_errors_that_led_to_an_error_first_things_first(chained: Exception) -> None:
    kinds = [line for line in stack(chained).splitlines() if not line.startswith(" ")]
    assert kinds == ["builtins.ZeroDivisionError", "builtins.LookupError", f"{Failure.__module__}.Failure"]


def test_leaves_out_what_was_said_to_be_of_no_interest() -> None:
    error = in_the_course_of()
    error.__suppress_context__ = True
    assert "LookupError" not in stack(error)


class Circular(Exception):
    """An error that is its own cause, and says so to whoever walks around it."""

    rounds = 0

    @property
    def sqlstate(self) -> str:
        self.rounds += 1
        assert self.rounds < 10, "the formatter goes round in circles"
        return ""


def test_ends_for_an_error_that_was_raised_from_itself() -> None:
    error = Circular()
    error.__cause__ = error
    assert stack(error).count("Circular") == 1


@pytest.mark.django_db
def test_shows_the_code_of_a_databases_error_but_not_the_row() -> None:
    taken = make_user(email=f"{TYPED.replace(' ', '.')}@example.org").email
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make_user(email=taken)
    text = stack(caught.value)
    assert "django.db.utils.IntegrityError" in text
    assert taken not in text
    if connection.vendor == "postgresql":
        assert "psycopg.errors.UniqueViolation 23505" in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Error handling request /tasks/?q={TYPED}", "Error handling request /tasks/"),
        (f"Invalid request from ip=192.0.2.1: Invalid header: {TYPED}", "Invalid request"),
        ("Booting worker with pid: 7", "Booting worker with pid: 7"),
    ],
)
def test_shows_of_the_servers_words_nothing_that_was_sent(said: str, shown: str) -> None:
    assert written(record("%s", said, name="gunicorn.error"))["message"] == shown


@pytest.mark.django_db
def test_shows_nothing_typed_when_a_page_fails(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger("django.request").addHandler(handler)
    try:
        response = Client(raise_request_exception=False).get("/failing/", {"title": TYPED})
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert response.status_code == 500
    line = json.loads(stream.getvalue())
    assert line["request"] == response.headers["X-Request-ID"]
    assert line["message"] == "Internal Server Error: /failing/"
    assert line["stack"].endswith("\nbuiltins.LookupError")
    assert TYPED not in stream.getvalue()


def test_is_what_the_site_writes_its_log_with() -> None:
    assert JsonFormatter in [type(handler.formatter) for handler in logging.getLogger().handlers]
