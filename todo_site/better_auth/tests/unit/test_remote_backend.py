"""What a real Better Auth server cannot be made to do: a stub in its place that answers whatever it is told to."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth import client as auth_client
from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.rate_limits import BY_ACCOUNT
from todo_site.better_auth.tests.factories import make_session
from todo_site.tests.server import free_port

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

# The same whatever the database.
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

EMAIL, PASSWORD, NEW_PASSWORD = "alice@example.org", "correct horse battery", "staple of a new kind"
FORM = {"name": "Alice", "email": EMAIL, "password": PASSWORD}
PASSWORDS = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
SESSION, DONT_REMEMBER = "better-auth.session_token", "better-auth.dont_remember"
GOOD = {"redirect": False, "token": "T", "user": {"name": "Alice", "email": EMAIL}}
UNAVAILABLE = "The account service is temporarily unavailable. Try again in a few minutes."
ENTER = ["/sign-in/", "/sign-up/"]


def raw(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """An answer as it goes over the wire; ``length`` is a Content-Length that is not the body's."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answer(body: Any, *headers: str, status: int = 200) -> bytes:
    return raw(json.dumps(body).encode(), f"{status} Said So", "Content-Type: application/json", *headers)


def refusal(status: int, code: str, message: str = "So it is") -> bytes:
    return answer({"code": code, "message": message}, status=status)


@dataclass
class Seen:
    """A request that reached the stub."""

    path: str
    headers: Message
    body: dict[str, Any]


@dataclass
class Stub:
    """A server at ``url`` that gives the same answer to everything, and notes what it was asked."""

    url: str = ""
    answer: bytes = answer(GOOD)
    hangs_up: bool = False
    connections: int = 0
    seen: list[Seen] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)


def forget_connections() -> None:
    """Close what other tests left open, and let the next call read the time-outs anew."""
    auth_client.get_pool().clear()
    auth_client.get_pool.cache_clear()


@pytest.fixture
def start_stub() -> Iterator[Callable[[], Stub]]:
    """Starts stubs, which end with the test."""
    servers: list[tuple[Stub, ThreadingHTTPServer, threading.Thread]] = []

    def start() -> Stub:
        stub = Stub()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                stub.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.seen.append(Seen(self.path, self.headers, json.loads(body)))
                stub.may_answer.wait()
                self.wfile.write(stub.answer)
                self.close_connection = stub.hangs_up

            def do_GET(self) -> None:
                stub.seen.append(Seen(self.path, self.headers, {}))
                self.wfile.write(stub.answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # the other side did not wait for the answer

        server = Server(("127.0.0.1", 0), Handler)
        stub.url = f"http://127.0.0.1:{server.server_port}"
        stub.may_answer.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((stub, server, thread))
        return stub

    forget_connections()
    yield start
    forget_connections()
    for stub, server, thread in servers:
        stub.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def stub(start_stub: Callable[[], Stub], settings: Settings) -> Stub:
    stub = start_stub()
    settings.BETTER_AUTH_URL = stub.url
    return stub


def plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]+>", "", text)).strip()


def error_of_form(response: Response) -> str:
    """What the page says about the whole form."""
    summary = re.search(r'<div class="summary".*?</div>', response.text, re.DOTALL)
    assert summary, response.text
    return "\n".join(plain(line) for line in re.findall("<li>(?!<a)(.*?)</li>", summary[0]))


def error_at(response: Response, name: str) -> str:
    words = re.search(rf'id="id_{name}_error">(.*?)</ul>', response.text, re.DOTALL)
    return plain(words[1]) if words else ""


def wrong_fields(response: Response) -> list[str]:
    return re.findall(r'id="id_(\w+)_error"', response.text)


# Faults


def away(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BETTER_AUTH_URL = f"http://127.0.0.1:{free_port()}"


def slow(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_client, "TIMEOUT", urllib3.Timeout(connect=2, read=0.05))
    stub.may_answer.clear()


def says(said: bytes, *, hangs_up: bool = False) -> Callable[[Stub, Settings, pytest.MonkeyPatch], None]:
    def fault(stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        stub.answer, stub.hangs_up = said, hangs_up

    return fault


HTML = b"<!doctype html><title>Welcome</title>"
SESSION_LINE = f"Set-Cookie: {SESSION}=stolen; Path=/"
BIG = json.dumps(GOOD).encode() + b" " * 2_000_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

FAULTS: dict[str, Callable[[Stub, Settings, pytest.MonkeyPatch], None]] = {
    "away": away,
    "slow": slow,
    "hanging up": says(b"", hangs_up=True),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n", hangs_up=True),
    "no JSON": says(raw(b'{"token":', "200 OK", SESSION_LINE)),
    "JSON that is no UTF-8": says(raw(b'{"token":"\xff"}', "200 OK", SESSION_LINE)),
    "JSON that is too deep": says(raw(b"[" * 200_000, "200 OK", SESSION_LINE)),
    "an array": says(answer([GOOD], SESSION_LINE)),
    "null": says(answer(None, SESSION_LINE)),
    "an empty 200": says(raw(b"", "200 OK", SESSION_LINE)),
    "204": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "HTML": says(raw(HTML, "200 OK", "Content-Type: text/html", SESSION_LINE)),
    "2 MB": says(raw(BIG, "200 OK", SESSION_LINE)),
    "2 MB in chunks": says(CHUNKED + f"{len(BIG):X}\r\n".encode() + BIG + b"\r\n0\r\n\r\n"),
    "a body that breaks off": says(raw(b"{}", "200 OK", SESSION_LINE, length=9), hangs_up=True),
    "chunks that break off": says(CHUNKED + b"9\r\n{}", hangs_up=True),
    "chunks of no size": says(CHUNKED + b"nine\r\n{}\r\n", hangs_up=True),
    "a broken encoding": says(raw(b"{}", "200 OK", "Content-Encoding: gzip", SESSION_LINE)),
    "an empty 500": says(raw(b"", "500 Internal Server Error")),
    "500 with words": says(refusal(500, "INVALID_EMAIL_OR_PASSWORD")),
    "502 with HTML": says(raw(HTML, "502 Bad Gateway", "Content-Type: text/html")),
    "an empty 404": says(raw(b"", "404 Not Found")),
    "an empty 403": says(raw(b"", "403 Forbidden")),
    "403 with HTML": says(raw(HTML, "403 Forbidden", "Content-Type: text/html")),
    "400 without a code": says(answer({"message": "No"}, status=400)),
    "415": says(refusal(415, "UNSUPPORTED_MEDIA_TYPE")),
}


@pytest.fixture(params=FAULTS.values(), ids=list(FAULTS))
def fault(request: pytest.FixtureRequest, stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    request.param(stub, settings, monkeypatch)


@pytest.mark.parametrize("path", ENTER)
def test_says_that_accounts_cannot_be_reached(
    client: Client, stub: Stub, fault: None, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    response = client.post(path, {**FORM, "next": "/tasks/new/"})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert error_of_form(response) == UNAVAILABLE
    assert f'value="{EMAIL}"' in response.text
    assert ('value="Alice"' in response.text) == (path == "/sign-up/")
    assert 'name="next" value="/tasks/new/"' in response.text
    assert PASSWORD not in response.text
    assert SESSION not in response.cookies
    assert len(stub.seen) <= 1
    assert [record.message for record in caplog.records if record.message.startswith("Better Auth server: POST /")]
    written = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert not [secret for secret in (PASSWORD, EMAIL, "stolen") if secret in written]


@pytest.mark.parametrize("fault", [away, slow, FAULTS["an empty 500"], FAULTS["HTML"]], indirect=True)
def test_says_so_in_the_settings_too(alices: Client, alice: User, fault: None) -> None:
    response = alices.post("/settings/password/", PASSWORDS)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert error_of_form(response) == UNAVAILABLE
    assert not [password for password in PASSWORDS.values() if password in response.text]
    response = alices.post("/settings/", {"name": "Lady Alice"})
    assert response.status_code == 503
    assert 'value="Lady Alice"' in response.text
    assert User.objects.get().name == "Alice"
    assert alices.get("/").status_code == 200


@pytest.fixture
def password(alice: User) -> None:
    """One that only the server can read."""
    times = {"created_at": alice.created_at, "updated_at": alice.updated_at}
    row = {"id": "a" * 32, "account_id": alice.id, "provider_id": "credential", "password": "by another method"}
    Account.objects.create(user=alice, **row, **times)


DATA = "/settings/data/"
ERASE_TASKS = {"tasks-sure": "on", "tasks-current_password": PASSWORD}
DELETE_ACCOUNT = {"account-sure": "on", "account-current_password": PASSWORD}


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("fault", [away, FAULTS["an empty 500"], FAULTS["HTML"], FAULTS["null"]], indirect=True)
def test_erases_nothing_while_the_server_cannot_check_the_password(alices: Client, alice: User, fault: None) -> None:
    make_task(alice.id)
    for path, form in ((f"{DATA}erase-tasks/", ERASE_TASKS), (f"{DATA}delete-account/", DELETE_ACCOUNT)):
        response = alices.post(path, form)
        assert response.status_code == 503
        assert error_of_form(response) == UNAVAILABLE
    assert Task.objects.for_user(alice.id).count() == 1


@pytest.mark.usefixtures("password")
def test_says_that_the_server_deletes_no_accounts_and_leaves_everything(
    alices: Client, alice: User, stub: Stub
) -> None:
    make_task(alice.id)
    stub.answer = raw(b"", "404 Not Found")
    response = alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT)
    assert response.status_code == 422
    assert error_of_form(response).startswith("You can delete your tasks here, but not your account.")
    assert User.objects.get() == alice
    assert Task.objects.for_user(alice.id).count() == 1
    assert alices.get("/").status_code == 200


@pytest.mark.usefixtures("password")
def test_says_that_the_server_wants_the_deletion_confirmed_by_mail(alices: Client, alice: User, stub: Stub) -> None:
    stub.answer = answer({"success": True, "message": "Verification email sent"})
    response = alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT)
    assert response.status_code == 422
    assert error_of_form(response).startswith("We have sent you an e-mail")
    assert alices.get("/").status_code == 200


@pytest.mark.usefixtures("password")
def test_counts_the_tries_of_a_password_that_the_server_does_not_count(alices: Client, alice: User, stub: Stub) -> None:
    stub.answer = refusal(400, "INVALID_PASSWORD")
    for _ in range(BY_ACCOUNT.limit):
        response = alices.post(f"{DATA}erase-tasks/", ERASE_TASKS)
        assert response.status_code == 422
    assert "Wrong password." in response.text
    for path, form in ((f"{DATA}erase-tasks/", ERASE_TASKS), (f"{DATA}delete-account/", DELETE_ACCOUNT)):
        assert alices.post(path, form).status_code == 429
    assert len(stub.seen) == BY_ACCOUNT.limit


def test_asks_the_server_without_a_password_for_somebody_new_here_who_has_none(
    alices: Client, alice: User, stub: Stub
) -> None:
    stub.answer = answer({"success": True})
    for created_at in (timezone.now() - timedelta(minutes=11), timezone.now()):
        Session.objects.update(created_at=created_at)
        assert alices.post(f"{DATA}delete-account/", DELETE_ACCOUNT).status_code == 422
    ((path, body),) = [(request.path, request.body) for request in stub.seen]
    assert (path, body) == ("/api/auth/delete-user", {})


SIGN_OUT_FAULTS = {
    **FAULTS,
    "429": says(answer({"message": "Too many requests."}, status=429)),
    "a refusal": says(refusal(403, "INVALID_ORIGIN")),
    "another refusal": says(refusal(400, "BAD_REQUEST")),
    "an answer without cookies": says(answer({"success": True})),
}


@pytest.mark.parametrize("fault", SIGN_OUT_FAULTS.values(), ids=SIGN_OUT_FAULTS, indirect=True)
def test_signs_out_all_the_same(
    alice: User, bob: User, alices: Client, fault: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token, others = Session.objects.get(user=alice).token, {make_session(user=user).pk for user in (alice, bob)}
    response = alices.post("/sign-out/")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/")
    assert set(Session.objects.values_list("pk", flat=True)) == others
    for name in (SESSION, DONT_REMEMBER, "better-auth.session_data"):
        expiring = response.cookies[name]
        assert (expiring.value, expiring["max-age"], expiring["path"]) == ("", 0, "/")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert token not in caplog.text
    cookie = f"{SESSION}={signed_cookies.sign(token)}"
    assert Client().get("/", headers={"cookie": cookie}).headers["Location"] == "/sign-in/?next=/"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(
    client: Client, stub: Stub, start_stub: Callable[[], Stub], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = start_stub()
    stub.answer = raw(b"", f"{status} Moved", f"Location: {elsewhere.url}/api/auth/sign-in/email")
    response = client.post("/sign-in/", FORM)
    assert response.status_code == 503
    assert error_of_form(response) == UNAVAILABLE
    assert (len(stub.seen), elsewhere.connections) == (1, 0)
    assert elsewhere.url not in response.text + caplog.text


def test_goes_nowhere_for_a_location_beside_a_good_answer(
    client: Client, stub: Stub, start_stub: Callable[[], Stub]
) -> None:
    elsewhere = start_stub()
    stub.answer = answer({**GOOD, "redirect": True, "url": elsewhere.url}, f"Location: {elsewhere.url}/")
    response = client.post("/sign-in/", FORM)
    assert (response.status_code, response.headers["Location"], elsewhere.connections) == (303, "/", 0)


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


# Limits


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
    wait = "60 minutes" if seconds == 3600 else f"{seconds} second"
    assert f"Try again in {wait}" in error_of_form(response)


# Refusals

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


# Cookies, on their way to the browser

LINES = [
    f"{SESSION}={'T' * 32}.9IutsG7%2BsmZx%2Fjk%3D; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Partitioned",
    f"{DONT_REMEMBER}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.session_data.0=eyJ.a-b_c; Max-Age=300;  path=/;httponly;   Priority=High; SameParty",
    f"{SESSION}=; Max-Age=0; Domain=example.org; Path=/",
    f"{SESSION}=; Max-Age=0; Domain=todo.example.org; Path=/",
    'a="quoted, with; a comma"; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    "b=%2B%2F%3D+/==; Path=/",
    "__Host-c=1; Secure; Path=/",
]


def set_cookie_lines(response: Response) -> list[str]:
    """The cookies as they go to the browser, but for those that Django makes itself."""
    lines = [cookie.OutputString() for cookie in response.cookies.values()]
    return [line for line in lines if not line.startswith(("csrftoken=", "messages="))]


@pytest.mark.parametrize("path", ENTER)
def test_passes_the_servers_cookies_on_byte_for_byte_and_in_order(client: Client, stub: Stub, path: str) -> None:
    stub.answer = answer(GOOD, *[f"Set-Cookie: {line}" for line in LINES])
    response = client.post(path, FORM)
    assert (response.status_code, set_cookie_lines(response)) == (303, LINES)


def test_keeps_a_text_that_waits_for_signing_in(client: Client, stub: Stub) -> None:
    carried = {"to": "/tasks/new/", "typed": '[["title", "Buy milk"]]'}
    stub.answer = refusal(401, "INVALID_EMAIL_OR_PASSWORD")
    refused = client.post("/sign-in/", {**FORM, **carried})
    assert refused.status_code == 422
    assert "Buy milk" in refused.text
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=new; Path=/; Partitioned")
    response = client.post("/sign-in/", {**FORM, **carried})
    assert response.status_code == 200
    assert 'action="/tasks/new/"' in response.text
    assert "Buy milk" in response.text
    assert response.cookies[SESSION].OutputString() == f"{SESSION}=new; Path=/; Partitioned"
    assert not [seen for seen in stub.seen if "milk" in str(seen.body)]


def test_signs_out_with_the_servers_own_cookies_and_adds_what_it_left_out(alices: Client, stub: Stub) -> None:
    line = f"{SESSION}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Partitioned"
    stub.answer = answer({"success": True}, f"Set-Cookie: {line}")
    first, *others = set_cookie_lines(alices.post("/sign-out/"))
    assert first == line
    assert [other.partition("=")[0] for other in others] == [
        "better-auth.session_data",
        DONT_REMEMBER,
        "todo_preferences",
    ]


@pytest.mark.parametrize("line", ["", "=value", "a b=c", "Path=/", "a[b]=c; Path=/", "é=c"])
def test_signs_in_in_spite_of_a_cookie_that_is_none(client: Client, stub: Stub, line: str) -> None:
    stub.answer = answer(GOOD, f"Set-Cookie: {line}", f"Set-Cookie: {LINES[0]}")
    response = client.post("/sign-in/", FORM)
    assert (response.status_code, set_cookie_lines(response)) == (303, [LINES[0]])


@pytest.mark.parametrize("said", [refusal(401, "INVALID_EMAIL_OR_PASSWORD"), raw(b"", "500 Oh")])
def test_passes_no_cookie_of_a_refusal_on(client: Client, stub: Stub, said: bytes) -> None:
    stub.answer = said.replace(b"\r\n\r\n", f"\r\n{SESSION_LINE}\r\n\r\n".encode(), 1)
    response = client.post("/sign-in/", FORM)
    assert response.status_code in {422, 503}
    assert not set_cookie_lines(response)


@pytest.mark.parametrize("path", ENTER)
def test_keeps_the_servers_tokens_from_the_browser(client: Client, stub: Stub, path: str) -> None:
    stub.answer = answer(
        {**GOOD, "token": "secret-token"}, "set-auth-token: secret-token.signed", "set-auth-jwt: eyJ.secret-jwt"
    )
    response = client.post(path, FORM)
    assert response.status_code == 303
    assert not [name for name in response.headers if "auth" in name.lower()]
    given = f"{response.headers} {response.cookies} {response.text}"
    assert not [secret for secret in ("secret-token", "secret-jwt") if secret in given]


def test_passes_no_other_header_on(client: Client, stub: Stub) -> None:
    odd = ["Server: Stub", "X-Powered-By: Express", "Access-Control-Allow-Origin: *", "Content-Language: tlh"]
    stub.answer = answer(GOOD, *odd)
    response = client.post("/sign-in/", FORM)
    assert not set(odd) & {f"{name}: {value}" for name, value in response.headers.items()}
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(response.headers)


# What the server is told


def test_says_on_whose_behalf_it_asks_and_nothing_else(client: Client, stub: Stub, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    raw_session = "OIwq.9IutsG7Y%2BsmZ%2Fxjk%3D"
    sent = {
        "cookie": f"csrftoken=x; {SESSION}={raw_session}; better-authx.a=1; messages=m;__Secure-{SESSION}=s%2B ; "
        f"sessionid=y; {DONT_REMEMBER}=true.a%3D; {SESSION}=second; xbetter-auth.b=2",
        "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0",
        "referer": "http://testserver/sign-in/?next=/secret/",
        "origin": "http://testserver",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
        "sec-fetch-user": "?1",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "a b",
        "x-real-ip": "203.0.113.9",
        "forwarded": "for=203.0.113.9",
        "authorization": "Basic eDp5",
        "accept-language": "tlh",
        "accept-encoding": "br",
    }
    assert client.post("/sign-in/", {**FORM, "remember_me": "on"}, headers=sent).status_code == 303
    (seen,) = stub.seen
    assert seen.path == "/api/auth/sign-in/email"
    assert seen.body == {"email": EMAIL, "password": PASSWORD, "rememberMe": True}
    told = {name.lower(): value for name, value in seen.headers.items()}
    assert len(told) == len(seen.headers.items())
    assert told.pop("content-length") == str(len(json.dumps(seen.body)))
    assert told == {
        "host": stub.url.removeprefix("http://"),
        "origin": stub.url,
        "x-forwarded-for": "127.0.0.1",
        "user-agent": sent["user-agent"],
        "cookie": f"{SESSION}={raw_session}; __Secure-{SESSION}=s%2B; {DONT_REMEMBER}=true.a%3D; {SESSION}=second",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
    }


def test_tells_the_server_what_was_typed(alices: Client, stub: Stub) -> None:
    alices.post("/sign-up/", {**FORM, "name": "Zoë 🔑", "role": "admin", "remember_me": "on"})
    alices.post("/sign-in/", {**FORM, "email": " ALICE@Example.org "})
    alices.post("/settings/password/", PASSWORDS)
    alices.post("/settings/", {"name": "Lady Alice", "email": "x@example.org"})
    alices.post("/sign-out/")
    assert [(seen.path.removeprefix("/api/auth"), seen.body) for seen in stub.seen] == [
        ("/sign-up/email", {"email": EMAIL, "password": PASSWORD, "name": "Zoë 🔑"}),
        ("/sign-in/email", {"email": EMAIL, "password": PASSWORD, "rememberMe": False}),
        (
            "/change-password",
            {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD, "revokeOtherSessions": True},
        ),
        ("/update-user", {"name": "Lady Alice"}),
        ("/sign-out", {}),
    ]
    assert all(SESSION in seen.headers["Cookie"] for seen in stub.seen)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "socket", "told"),
    [
        (0, None, "198.51.100.7", ["198.51.100.7"]),
        (0, "203.0.113.9", "198.51.100.7", ["198.51.100.7"]),
        (0, "203.0.113.9, 203.0.113.10", "2001:db8::1", ["2001:db8::1"]),
        (1, "198.51.100.7", "127.0.0.1", ["198.51.100.7"]),
        (1, "203.0.113.9, 198.51.100.7", "127.0.0.1", ["198.51.100.7"]),
        (1, "203.0.113.9, rubbish", "127.0.0.1", None),
        (0, "203.0.113.9", "", None),
    ],
)
def test_names_one_address(
    client: Client,
    stub: Stub,
    settings: Settings,
    *,
    proxies: int,
    forwarded: str | None,
    socket: str,
    told: list[str] | None,
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    client.post("/sign-in/", FORM, headers=headers, REMOTE_ADDR=socket)
    assert stub.seen[0].headers.get_all("X-Forwarded-For") == told


def test_sends_no_cookie_where_the_browser_sent_none_of_the_servers(client: Client, stub: Stub) -> None:
    client.post("/sign-in/", FORM, headers={"cookie": "csrftoken=x; messages=y"})
    assert "Cookie" not in stub.seen[0].headers


def test_asks_for_nobody_with_the_cookies_of_somebody_before(stub: Stub) -> None:
    stub.answer = answer(GOOD, f"Set-Cookie: {LINES[0]}", "set-auth-token: T.signed")
    browser = Client()
    for client in (browser, Client(), browser):
        client.post("/sign-in/", FORM)
    assert stub.connections == 1
    assert [seen.headers["Cookie"] for seen in stub.seen] == [None, None, LINES[0].partition(";")[0]]
    assert not [seen for seen in stub.seen if "Authorization" in seen.headers]


# Connections


@pytest.mark.parametrize("path", [*ENTER, "/settings/password/", "/settings/", "/sign-out/"])
def test_sends_a_form_once_even_when_the_connection_breaks(alices: Client, stub: Stub, path: str) -> None:
    client = alices if path not in ENTER else Client()
    auth_client.get("/ok")
    assert (len(stub.seen), stub.connections) == (1, 1)
    stub.answer, stub.hangs_up = b"", True
    assert client.post(path, {**FORM, **PASSWORDS}).status_code == (303 if path == "/sign-out/" else 503)
    assert (len(stub.seen), stub.connections) == (2, 1)


def test_uses_a_connection_again(client: Client, stub: Stub) -> None:
    for _ in range(3):
        client.post("/sign-in/", FORM)
    assert (len(stub.seen), stub.connections) == (3, 1)


def test_does_not_use_a_connection_again_that_was_idle_for_too_long(
    client: Client, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_client, "MAX_IDLE_SECONDS", 0)
    for _ in range(3):
        assert client.post("/sign-in/", FORM).status_code == 303
    assert (len(stub.seen), stub.connections) == (3, 3)


@pytest.mark.parametrize("name", ["2 MB", "2 MB in chunks", "a body that breaks off", "a broken encoding", "no HTTP"])
def test_recovers_at_once(
    client: Client, stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    FAULTS[name](stub, settings, monkeypatch)
    assert client.post("/sign-in/", FORM).status_code == 503
    stub.answer, stub.hangs_up = answer(GOOD), False
    assert client.post("/sign-in/", FORM).status_code == 303


def test_gives_nobody_an_answer_that_came_too_late_for_somebody_else(
    stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(stub, settings, monkeypatch)
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=alices; Path=/")
    assert Client().post("/sign-in/", FORM).status_code == 503
    stub.may_answer.set()
    auth_client.get_pool().connection_from_url(stub.url).timeout = urllib3.Timeout(8)
    stub.answer = answer(GOOD, f"Set-Cookie: {SESSION}=bobs; Path=/")
    response = Client().post("/sign-in/", FORM)
    assert (response.status_code, response.cookies[SESSION].value) == (303, "bobs")
    assert (len(stub.seen), stub.connections) == (2, 2)
