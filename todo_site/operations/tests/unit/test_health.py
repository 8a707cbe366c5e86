from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from todo_site.better_auth import client as auth_client
from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import User
from todo_site.tests.server import free_port

DATABASE = {"database": "ok", "isolation": "ok" if connection.vendor == "postgresql" else "embedded", "canary": "ok"}
DEGRADED = {"status": "degraded", **DATABASE, "better_auth": "away"}


class NoDatabase(Exception):
    pass


def refuse(*args: Any) -> None:
    raise NoDatabase


@pytest.fixture(autouse=True)
def _own_connections() -> Iterator[None]:
    """Connections to the Better Auth server that no other test uses."""
    auth_client.get_pool().clear()
    yield
    auth_client.get_pool().clear()


class Answering(BaseHTTPRequestHandler):
    """A Better Auth server that knows one address: it answers with the status that its own server has."""

    def do_GET(self) -> None:
        status: int = getattr(self.server, "status") if self.path == "/api/auth/ok" else 404  # noqa: B009
        body = b'{"ok":true}' if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        pass


@pytest.fixture
def auth_server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    """A server at BETTER_AUTH_URL that answers with the status of the fixture's parameter."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    setattr(server, "status", request.param)  # noqa: B010
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.BETTER_AUTH_URL = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_is_alive_without_any_query(client: Client, db: None) -> None:
    client.cookies["better-auth.session_token"] = signed_cookies.sign("a" * 32)
    with connection.execute_wrapper(refuse):
        response = client.get("/healthz")
        with pytest.raises(NoDatabase):
            client.get("/")
    assert (response.status_code, response.text, response.headers["Content-Type"]) == (200, "ok\n", "text/plain")


def test_is_ready_with_embedded_accounts(client: Client, db: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", **DATABASE, "better_auth": "embedded"}


@pytest.mark.parametrize("auth_server", [200], indirect=True)
def test_is_ready_with_a_better_auth_server(client: Client, db: None, auth_server: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", **DATABASE, "better_auth": "ok"}


@pytest.mark.parametrize("auth_server", [404, 500], indirect=True)
def test_is_degraded_by_a_better_auth_server_that_is_not_well(client: Client, db: None, auth_server: None) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, DEGRADED)


def test_is_degraded_without_the_better_auth_server_while_people_go_on(
    client: Client, alices: Client, settings: Settings
) -> None:
    settings.BETTER_AUTH_URL = f"http://127.0.0.1:{free_port()}"
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, DEGRADED)
    assert alices.get("/").status_code == 200


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1"])
def test_is_not_ready_before_all_migrations(client: Client, db: None, settings: Settings, url: str) -> None:
    settings.BETTER_AUTH_URL = url
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'tasks'")
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = {**DATABASE, "database": "migrations pending", "better_auth": "away" if url else "embedded"}
    assert response.json() == {"status": "not ready", **parts}
    assert client.get("/healthz").status_code == 200


def test_is_ready_with_migrations_of_a_later_version(client: Client, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('tasks', '9999_later', %s)",
            [connection.ops.adapt_datetimefield_value(timezone.now())],
        )
    assert client.get("/readyz").json()["status"] == "ready"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_tells_everybody_the_same_and_nothing_about_anybody(
    client: Client, alice: User, alices: Client, path: str
) -> None:
    mine, anybodys = alices.get(path), client.get(path)
    assert (mine.status_code, mine.content) == (anybodys.status_code, anybodys.content)
    assert not [trace for trace in (alice.id, alice.name, alice.email) if trace in mine.text]
    assert not mine.cookies
    assert mine.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_is_asked_by_get_and_head_only(client: Client, db: None, path: str) -> None:
    assert client.head(path).status_code == 200
    for method in ("post", "put", "delete"):
        assert getattr(client, method)(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/"])
def test_has_one_address(client: Client, db: None, path: str) -> None:
    assert client.get(path).status_code == 404
