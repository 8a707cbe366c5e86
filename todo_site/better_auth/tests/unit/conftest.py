"""Fixtures with a stub of the Better Auth server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from todo_site.better_auth.tests.stub_server import FAULTS, Seen, Stub, forget_connections


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


@pytest.fixture(params=FAULTS.values(), ids=list(FAULTS))
def fault(request: pytest.FixtureRequest, stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    request.param(stub, settings, monkeypatch)
