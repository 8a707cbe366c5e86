"""What ``make sqlmap`` does: an outside scanner tries every parameter, on PostgreSQL with all layers up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from todo_site.better_auth.tests.auth_server import Person
from todo_site.tests.postgresql import own_server
from todo_site.tests.server import running_site

# "*" marks what is tried where a value is part of the path.
PAGES = [
    "/?status=all&q=milk&sort=title&cursor=x&descriptions=1&select=1",
    "/history/?before=1",
    "/trash/?before=1",
    "/tasks/new/?title=Milk&description=Two",
    "/tasks/{task}*/",
    "/sign-in/?next=/",
    "/export/tasks.json?x=1",
]
FORMS = {
    "/tasks/new/": {"id": "{new}", "title": "Milk", "description": "Two", "next": "/"},
    "/tasks/{task}/edit/": {"title": "Milk", "description": "Two", "status": "pending", "version": "1", "next": "/"},
    "/tasks/{task}/status/": {"status": "pending", "next": "/"},
    "/tasks/bulk/": {"task": "{task}", "action": "complete", "next": "/"},
    "/tasks/paste/": {"lines": "Milk", "token": "1"},
    "/undo/{new}*/": {"next": "/"},
    "/trash/{task}/restore/": {"next": "/"},
    "/settings/display/": {"time_zone": "UTC", "theme": "dark", "density": "compact", "language": "en"},
    "/settings/time-zone/": {"time_zone": "UTC"},
    "/settings/sessions/revoke/": {"session": "1"},
}
COOKIES = ("better-auth.session_token", "todo_preferences")


def main() -> None:
    if not shutil.which("sqlmap"):
        sys.exit("sqlmap was not found: on Debian, apt-get install sqlmap.")
    with tempfile.TemporaryDirectory() as name, own_server() as server:
        folder = Path(name)
        secret = {"SECRET_KEY": "only-for-tests", "BETTER_AUTH_SECRET": "only-for-tests"}
        with running_site(folder / "log", DATABASE_URL=server.url, RATE_LIMITS="false", **secret) as site:
            asked = list(requests(site))
            found = [line for number, request in enumerate(asked) for line in scan(folder, number, request)]
        failed = len(re.findall(r'"status": 500', (folder / "log").read_text()))
    print(f"{len(asked)} requests scanned, {failed} answers of 500")
    if found or failed:
        sys.exit("\n".join(["sqlmap found:", *found]))


def requests(site: str) -> Iterator[str]:
    """As a browser sends them, each with a form's token of its own person."""
    person = Person(site, "")
    person.post("/sign-up/", name="P", email="p@example.org", password="correct horse")
    person.post("/tasks/new/", title="Milk")
    task = re.search(r"tasks/([0-9a-f-]{36})/", person.get("/").text)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', person.get("/").text)
    assert task
    assert token
    jar = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.jar)
    head = f"Host: {site.removeprefix('http://')}\nCookie: {jar}\nOrigin: {site}\n"
    values = {"task": task[1], "new": str(uuid.uuid4())}
    for path in PAGES:
        yield f"GET {path.format(**values)} HTTP/1.1\n{head}\n"
    for path, fields in FORMS.items():
        form = {field: value.format(**values) for field, value in fields.items()}
        body = urlencode({"csrfmiddlewaretoken": token[1], **form})
        kind = "Content-Type: application/x-www-form-urlencoded\n"
        yield f"POST {path.format(**values)} HTTP/1.1\n{head}{kind}\n{body}"


def scan(folder: Path, number: int, request: str) -> list[str]:
    """What sqlmap says is injectable in one request."""
    file = folder / f"{number}.txt"
    file.write_text(request)
    command = [
        "sqlmap",
        "-r",
        str(file),
        "--batch",
        "--ignore-stdin",
        "--level=2",
        "--risk=2",
        "--technique=BEUS",
        "--dbms=PostgreSQL",
    ]
    command += ["--ignore-code=404"]  # what is said to an id that is not there, or no id at all
    command += ["--skip=csrfmiddlewaretoken,csrftoken", "--output-dir", str(folder / "found"), "--disable-coloring"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    said = done.stdout.splitlines()
    tested = sum("does not seem to be injectable" in line for line in said)
    print(f"{request.partition(' HTTP')[0]}: {tested} parameters", flush=True)
    if not tested:
        return [f"{request.partition(' HTTP')[0]}: nothing was tested", *said[-5:]]
    return [line for line in said if "Parameter:" in line or "is vulnerable" in line]


if __name__ == "__main__":
    main()
