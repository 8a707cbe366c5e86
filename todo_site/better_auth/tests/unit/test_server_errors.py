"""Errors of the Better Auth server, and the messages that users see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from todo_site.better_auth.tests.stub_server import (
    EMAIL,
    ENTER,
    FORM,
    NEW_PASSWORD,
    PASSWORD,
    PASSWORDS,
    UNAVAILABLE,
    Stub,
    answer,
    error_of_form,
    plain,
    refusal,
)

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def error_at(response: Response, name: str) -> str:
    words = re.search(rf'id="id_{name}_error">(.*?)</ul>', response.text, re.DOTALL)
    return plain(words[1]) if words else ""


def wrong_fields(response: Response) -> list[str]:
    return re.findall(r'id="id_(\w+)_error"', response.text)


@pytest.mark.parametrize("code", ["INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN", "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"])
@pytest.mark.parametrize("path", ENTER)
def test_leaves_a_wrong_configuration_to_those_who_read_the_log(
    client: Client, stub: Stub, path: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    stub.answer = refusal(403, code)
    response = client.post(path, FORM)
    assert (response.status_code, error_of_form(response)) == (503, UNAVAILABLE)
    assert code not in response.text
    own = [record for record in caplog.records if record.name == "todo_site.better_auth.views.form_actions"]
    assert [record.levelname for record in own] == ["ERROR"]
    assert f"403 {code}" in own[0].message


@pytest.mark.parametrize("path", ENTER)
def test_passes_the_waiting_time_on(client: Client, stub: Stub, path: str) -> None:
    stub.answer = answer({"message": "Too many requests. Please try again later."}, "X-Retry-After: 7", status=429)
    response = client.post(path, FORM)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert error_of_form(response) == "Too many attempts. Try again in 7 seconds."
    assert f'value="{EMAIL}"' in response.text
    assert PASSWORD not in response.text
    assert "X-Retry-After" not in response.headers


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["X-Retry-After: 1"], 1),
        (["Retry-After: 8"], 8),
        (["X-Retry-After: 7", "Retry-After: 8"], 7),
        ([], 10),
        (["X-Retry-After: "], 10),
        (["X-Retry-After: -5"], 10),
        (["X-Retry-After: 1.5"], 10),
        (["X-Retry-After: soon"], 10),
        (["Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"], 10),
        (["X-Retry-After: ²"], 10),
        (["X-Retry-After: 86400"], 3600),
        ([f"X-Retry-After: {'9' * 5000}"], 3600),
    ],
)
def test_makes_the_best_of_any_waiting_time(client: Client, stub: Stub, headers: list[str], seconds: int) -> None:
    stub.answer = answer({}, *headers, status=429)
    response = client.post("/sign-in/", FORM)
    assert (response.status_code, response.headers["Retry-After"]) == (429, str(seconds))
    assert f"Wait {seconds} second" in error_of_form(response)


WRONG = "Wrong e-mail address or password."
NO_EMAIL = "Enter a valid email address."
EXISTS = "An account with this e-mail address already exists. Sign in instead."
CHECK = "The account service rejected the request. Check your details."


def unknown(code: str) -> str:
    return f"The account service rejected the request ({code})."


@pytest.mark.parametrize(
    ("path", "status", "code", "at", "words"),
    [
        ("/sign-in/", 401, "INVALID_EMAIL_OR_PASSWORD", None, WRONG),
        ("/sign-in/", 400, "INVALID_EMAIL", "email", NO_EMAIL),
        ("/sign-up/", 400, "INVALID_EMAIL", "email", NO_EMAIL),
        ("/sign-up/", 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "email", EXISTS),
        ("/sign-up/", 422, "USER_ALREADY_EXISTS", "email", EXISTS),
        ("/sign-up/", 422, "FAILED_TO_CREATE_USER", None, "The account could not be created. Check your details."),
        ("/sign-up/", 400, "PASSWORD_TOO_SHORT", "password", "The password is too short."),
        ("/sign-up/", 400, "PASSWORD_TOO_LONG", "password", "The password is too long."),
        ("/sign-in/", 400, "PASSWORD_TOO_LONG", "password", "The password is too long."),
        ("/sign-up/", 400, "EMAIL_PASSWORD_SIGN_UP_DISABLED", None, "Sign-up is disabled on this site."),
        ("/sign-in/", 403, "EMAIL_NOT_VERIFIED", None, "Confirm your e-mail address first."),
        ("/sign-in/", 403, "BANNED_USER", None, "This account is blocked. Contact the site operator."),
        ("/sign-in/", 400, "BAD_REQUEST", None, unknown("BAD_REQUEST")),
        ("/sign-in/", 403, "INVALID_CALLBACK_URL", None, unknown("INVALID_CALLBACK_URL")),
        ("/sign-up/", 400, "<b>NEW</b>", None, unknown("<b>NEW</b>")),
        ("/settings/password/", 400, "INVALID_PASSWORD", "current_password", "Wrong password."),
        ("/settings/password/", 400, "PASSWORD_TOO_SHORT", "new_password", "The password is too short."),
        ("/settings/password/", 400, "PASSWORD_TOO_LONG", "new_password", "The password is too long."),
        ("/settings/password/", 401, "UNAUTHORIZED", None, unknown("UNAUTHORIZED")),
        ("/settings/password/", 403, "SESSION_NOT_FRESH", None, unknown("SESSION_NOT_FRESH")),
    ],
)
def test_says_a_refusal_in_words_where_it_belongs(
    alices: Client, stub: Stub, *, path: str, status: int, code: str, at: str | None, words: str
) -> None:
    client = alices if path.startswith("/settings/") else Client()
    stub.answer = refusal(status, code, "not for people")
    response = client.post(path, {**FORM, **PASSWORDS})
    assert response.status_code == 422
    assert wrong_fields(response) == ([at] if at else [])
    assert (error_at(response, at) if at else error_of_form(response)).startswith(words)
    assert not [secret for secret in (PASSWORD, NEW_PASSWORD, "not for people") if secret in response.text]
    assert path == "/settings/password/" or f'value="{EMAIL}"' in response.text


@pytest.mark.parametrize(
    ("path", "message", "at"),
    [
        ("/sign-up/", "[body.email] Invalid email address; [body.name] Invalid input", "email"),
        ("/sign-in/", "[body.email] Invalid email address", "email"),
        ("/sign-up/", "[body.name] Invalid input: expected string, received undefined", "name"),
        ("/sign-up/", "[body.password] Too small", "password"),
        ("/sign-in/", "[body.name] Invalid input", None),
        ("/sign-up/", "[body.image] Invalid input", None),
        ("/sign-up/", "Invalid input [body.email]", None),
        ("/sign-up/", "", None),
        ("/settings/password/", "[body.newPassword] Too small", "new_password"),
        ("/settings/password/", "[body.currentPassword] Too small", "current_password"),
        ("/settings/", "[body.name] Too small", "name"),
    ],
)
def test_finds_the_field_of_a_validation_error(
    alices: Client, stub: Stub, path: str, message: str, at: str | None
) -> None:
    client = alices if path.startswith("/settings/") else Client()
    stub.answer = refusal(400, "VALIDATION_ERROR", message)
    response = client.post(path, {**FORM, **PASSWORDS})
    assert response.status_code == 422
    assert wrong_fields(response) == ([at] if at else [])
    assert (error_at(response, at) if at else error_of_form(response)) == CHECK


@pytest.mark.parametrize("message", [None, 5, ["[body.email]"], {"a": "b"}])
def test_takes_a_message_that_is_no_text(client: Client, stub: Stub, message: Any) -> None:
    stub.answer = answer({"code": "VALIDATION_ERROR", "message": message}, status=400)
    response = client.post("/sign-up/", FORM)
    assert (response.status_code, error_of_form(response)) == (422, CHECK)
