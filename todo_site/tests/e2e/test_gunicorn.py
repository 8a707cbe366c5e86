"""The server as it runs in production: what its workers count, what a reload and an end do to those who are served."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from tasks.rate_limits import EXPORT
from todo_site.better_auth.tests.auth_server import Person
from todo_site.operations.tests.prometheus import parse_metrics
from todo_site.tests.server import ROOT, Server, migrated_database, start_server


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "gunicorn.log"


@pytest.fixture(scope="module")
def server(log: Path, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[Server]:
    with (
        migrated_database(tmp_path_factory.mktemp("site")) as database,
        start_server(log, DATABASE_URL=database) as server,
    ):
        yield server


def read(server: Server, path: str) -> str:
    """Get a page over a connection of its own, by whichever worker is free."""
    with urllib.request.urlopen(server.origin + path, timeout=30) as response:
        text: str = response.read().decode()
        return text


def scrape(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return parse_metrics(read(server, "/metrics"))


def sum_of(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return sum(value for (each, has), value in found.items() if each == name and labels.items() <= set(has))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end


def reload(server: Server, log: Path) -> None:
    """Send HUP, and ask for pages until the two old workers are gone."""
    gone = log.read_text().count("Worker exiting") + 2
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: read(server, "/healthz") == "ok\n" and log.read_text().count("Worker exiting") >= gone)


def test_writes_its_own_words_as_lines_of_json(server: Server, log: Path) -> None:
    read(server, "/healthz?q=secret")
    text = log.read_text()
    assert "  To-do is ready at http://127.0.0.1:" in text
    lines = [json.loads(line) for line in text.splitlines() if line and not line.startswith("  To-do is ready")]
    assert {"gunicorn.error", "todo_site.access"} <= {line["logger"] for line in lines}
    assert "secret" not in text


def test_logs_each_request_once(server: Server, log: Path) -> None:
    path = f"/nothing-{os.urandom(8).hex()}/"
    with pytest.raises(urllib.request.HTTPError, match="404") as caught:
        read(server, path)
    caught.value.close()
    lines = [json.loads(line) for line in log.read_text().splitlines() if path in line]
    assert [line["logger"] for line in lines if line["level"] == "INFO"] == ["todo_site.access"]


def test_logs_nothing_of_a_request_that_it_refuses_to_read(server: Server, log: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"GET /?q=secret HTTP/1.1\r\nHost: 127.0.0.1\r\nsecret header: 1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    wait_for(lambda: '"Invalid request"' in log.read_text())
    assert "secret" not in log.read_text()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/" + "x" * 4100, {}, 414),
        ("/healthz", {f"X-{number}": "x" for number in range(100)}, 431),
        ("/healthz", {"X": "x" * 8200}, 431),
        ("/healthz", {"Cookie": "x" * 4096}, 200),
    ],
)
def test_limits_what_stands_before_the_body(server: Server, path: str, headers: dict[str, str], status: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("GET", path, headers=headers)
        assert client.getresponse().status == status


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/static/../settings.py", "localhost", 404),
        ("/static/%2e%2e/%2e%2e/manage.py", "localhost", 404),
        ("/static/..%2f..%2fmanage.py", "localhost", 404),
        ("//etc/passwd", "localhost", 404),
        ("/sign-in/", "evil.example", 400),
        ("/sign-in/", "", 400),
        ("/sign-in/", "[::1", 400),
        ("/sign-in/", "x" * 300, 400),
    ],
)
def test_serves_its_own_files_under_its_own_name(server: Server, path: str, host: str, status: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.putrequest("GET", path, skip_host=True)
        client.putheader("Host", host)
        client.putheader("X-Forwarded-Host", "localhost")
        client.endheaders()
        assert client.getresponse().status == status


@pytest.mark.parametrize("size", [3 * 2**20, 15 * 2**20])
def test_answers_in_words_to_a_form_that_is_too_large(server: Server, size: int) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={'a' * 32}"}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("POST", "/sign-in/", b"x" * size, headers)
        response = client.getresponse()
        assert response.status == 413
        assert b"Request too large" in response.read()


def test_answers_at_once_to_a_body_that_is_larger_than_any_may_be(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(f"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {21 * 2**20}\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 413"


def test_counts_what_all_workers_did(server: Server) -> None:
    labels = {"route": "better_auth:sign-in", "method": "GET", "status": "2xx"}
    before = scrape(server)
    for _ in range(20):
        read(server, "/sign-in/")
    read(server, "/readyz")
    after = scrape(server)
    assert sum_of(after, "todo_requests_total", **labels) == sum_of(before, "todo_requests_total", **labels) + 20
    name = "todo_request_seconds_count"
    assert sum_of(after, name, **labels) == sum_of(before, name, **labels) + 20
    name = "todo_database_statement_seconds_count"
    assert sum_of(after, name) > sum_of(before, name)


def test_counts_the_connections_that_were_opened(server: Server) -> None:
    read(server, "/readyz")
    assert sum_of(scrape(server), "todo_database_connections_total") >= 1


def test_goes_on_counting_after_a_reload(server: Server, log: Path) -> None:
    labels = {"route": "better_auth:sign-in"}
    read(server, "/sign-in/")
    before = sum_of(scrape(server), "todo_requests_total", **labels)
    reload(server, log)
    read(server, "/sign-in/")
    assert sum_of(scrape(server), "todo_requests_total", **labels) == before + 1


def test_loses_no_request_while_it_reloads(server: Server, log: Path) -> None:
    """Four clients, two of which keep their connections, ask for pages while it reloads three times."""
    statuses: list[int] = []
    reloaded: list[bool] = []

    def ask(how: str) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
            while len(statuses) < 1000 or not reloaded:
                client.request("GET", "/healthz", headers={"Connection": how})
                response = client.getresponse()
                response.read()
                statuses.append(response.status)

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask, how) for how in ("close", "keep-alive", "close", "keep-alive")]
        try:
            for _ in range(3):
                reload(server, log)
        finally:
            reloaded.append(True)
        for each in asking:
            each.result()
    assert set(statuses) == {200}


def test_lets_a_running_request_finish_before_it_ends(tmp_path: Path, collected_static_files: None) -> None:
    log = tmp_path / "gunicorn.log"
    with (
        migrated_database(tmp_path) as database,
        start_server(log, DATABASE_URL=database) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as client,
    ):
        body = b"email=nobody%40example.org&password=x&csrfmiddlewaretoken=" + b"a" * 32
        client.sendall(
            b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
            b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n"
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # a worker is at it
        server.process.terminate()
        wait_for(lambda: "Worker exiting" in log.read_text())  # the other worker
        assert server.process.poll() is None
        client.sendall(body)
        answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 422 ")
        assert b"</html>" in answer
        assert server.process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("WEB_CONCURRENCY", "257"), ("DATABASE_URL", "mysql://x"), ("DEBUG", "maybe")],
)
def test_does_not_start_with_a_setting_that_cannot_be_read(name: str, value: str) -> None:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:todo_site.gunicorn"]
    environment = {**os.environ, name: value}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} ")
    assert done.stderr.count("\n") == 1


def test_counts_the_tries_of_all_workers_together(server: Server) -> None:
    person = Person(server.origin, "")
    assert person.post("/sign-up/", name="P", email="p@example.org", password="correct horse").status == 303
    answers = [person.get("/export/tasks.csv").status for _try in range(EXPORT.limit + 10)]
    assert answers == [200] * EXPORT.limit + [429] * 10
