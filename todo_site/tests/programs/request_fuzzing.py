"""Malformed requests, made at random from a seed: what no browser sends, to every route, by nobody and by somebody."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote, urlencode

import brotli

TYPED = "typed-words"  # in all that is sent as a text, so that a log can be searched for it
TOKEN = "c" * 32  # the form's
FORM = "application/x-www-form-urlencoded"
SEPARATOR = "fuzzboundary"

TITLES = [
    "",
    "   ",
    "\xa0",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3164",
    "\u2800",
    "\u202e",
    "\ufe0f",
    "x" * 256,
    f"{TYPED}\0",
    f"\u202e{TYPED}",
    f"{TYPED} раypal 👩\u200d👩\u200d👧",
    f"<script>alert('{TYPED}')</script>",
    f"{{{{ {TYPED} }}}}{{% debug %}}",
    f"'; DROP TABLE task; -- {TYPED}",
    f"%s %(title)s \\ {TYPED}",
    f"=cmd|' /C calc'!A0 {TYPED}",
    f"\r\nSet-Cookie: {TYPED}=1",
    f"{TYPED} \U0010ffff\ud800",
    f"{TYPED} {'y' * 20_001}",
]
RAW = [b"\xff\xfe", b"\xed\xa0\x80", b"%00", b"%", b"%zz", b"%u0041", b"\xc0\xaf", b"&&&===", b";a=b;", b"+" * 100]
NEXT = [
    "//evil.example",
    "https:evil.example",
    "/\\evil.example",
    "\t//evil.example",
    "javascript:alert(1)",
    "\0",
    "/%2e",
]
IDS = ["1", "%00", "..", "%2e%2e", "%2f", "00000000-0000-0000-0000-00000000000g", "A" * 1000, "%ff%fe", "a%0d%0ab"]
PATHS = [
    "/static/../../etc/passwd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2fetc/passwd",
    "//etc/passwd",
    "///",
    "/%00",
    "/%ff",
    "/.env",
    "/static/",
    "/static/site/%00.css",
    "/nothing/",
    "/tasks//",
    "*",
    "http://evil.example/",
    "/" + "x" * 5000,
    "/\\evil",
    "/;a=b",
    "/?" + "&".join(f"a{n}=1" for n in range(1200)),
]
QUERIES = [
    "q=%00",
    "q=%ED%A0%80",
    "q=%FF%FE",
    f"q={TYPED}%27%20OR%201=1--",
    "q=" + "%F0%9F%91%A9" * 300,
    "status=nothing&status=",
    "sort=%00",
    "sort=title&cursor=next-title-AAAA-x",
    "cursor=next-newest-9999999999999999-" + "f" * 32,
    "cursor=next-newest--9999999999999999-" + "0" * 32,
    "cursor=previous-title-" + "A" * 1384 + "-" + "0" * 32,
    "cursor=%00",
    "before=" + "9" * 40,
    "before=-1",
    "before=%D9%A1",
    "user=%00",
    "user=*",
    "_changelist_filters=%00",
    "title=%00&description=%ED%A0%80",
    "descriptions=1&descriptions=2",
    "select=1&select=2",
    "select=1&status=all&sort=title",
    "row=1%23%0d%0a",
    "e=1",
    "p=99999999999999999999",
    "o=1.-2.x",
]
CONTENT_TYPES = [
    f"{FORM}; charset=latin-1",
    f"{FORM}; charset=utf-16",
    f"{FORM}; charset=rot13",
    f"{FORM}; charset=nothing",
    f"{FORM}; charset=",
    f"{FORM};;;",
    "a/b; x*=BOGUS''y",
    "a/b; charset*=utf-8''rot13",
    "application/json",
    "text/plain; charset=idna",
    "text/plain; charset=undefined",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=\xff",
    f"multipart/form-data; boundary={'b' * 500}",
    f"multipart/form-data; boundary={SEPARATOR}; charset=latin-1",
    f"multipart/mixed; boundary={SEPARATOR}",
    "\x7f",
    ";",
    "x" * 2000,
]
HEADERS = [
    ("Host", "evil.example"),
    ("Host", ""),
    ("Host", "[::1"),
    ("Host", "h" * 300),
    ("Host", "127.0.0.1:99999"),
    ("Host", "127.0.0.1, evil.example"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-For", "127.0.0.1, ::1, x"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=127.0.0.1;host=evil.example"),
    ("X-Original-URL", "/admin/"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Origin", "null"),
    ("Origin", "https://evil.example"),
    ("Origin", "http://["),
    ("Referer", "http://[::1"),
    ("Referer", "\xff"),
    ("Accept-Language", "de-" + "x" * 600 + ";q=%00, *;q=nan"),
    ("Accept-Encoding", "gzip;q=x, br, \xff"),
    ("Range", "bytes=0-0,-9999999999999999999"),
    ("If-Modified-Since", "Thu, 99 Foo 99999999 99:99:99 GMT"),
    ("If-None-Match", '"' + "x" * 1000),
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer " + "." * 50),
    ("Authorization", f"Bearer {TYPED}-token"),
    ("Authorization", "Basic \xff"),
    ("User-Agent", "\xff" * 500),
    ("Expect", "200-ok"),
    ("Upgrade", "h2c"),
    ("Content-Encoding", "gzip"),
    ("Transfer-Encoding", "gzip, chunked"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Length", "-1"),
    ("Content-Length", "1e3"),
    ("Content-Length", "99999999999999999999"),
    ("Content-Length", "0"),
    ("HX-Request", "true"),
    ("X-Request-ID", "\xff"),
    ("Cookie", "=; ;;==;"),
    ("Cookie", "csrftoken=" + "x" * 4000),
    ("Bad Header", "x"),
    ("Bad_Header", "x"),
    ("Folded", "a\r\n b"),
]
COOKIES: dict[str, list[str]] = {
    "better-auth.session_token": [
        "",
        "x",
        "\0",
        "%00",
        "\xe9",
        "x" * 4000,
        f"{'x' * 32}.{'A' * 43}%3D",
        "a.b.c",
        '"',
        "%",
    ],
    "better-auth.dont_remember": ["true", "x", "\xff"],
    "csrftoken": ["", "x", "a" * 64, "a" * 31, "\xff" * 32, "<script>"],
    "sessionid": ["x", "e30:1:x", ".eJw:::", "\xff"],
    "messages": ["x", "W10:1:x", ".x", "\xff", "[[]]"],
    "todo_preferences": ["x", "e30:1abcde:x", ".x", "\xff"],
    "django_language": ["../../etc/passwd", "de\0"],
}
METHODS = ["PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "FOO", "get", "CONNECT", "PROPFIND", "GE T", "X" * 30]


@dataclass(frozen=True)
class Target:
    """The site that is attacked: its routes, as whom it is asked, and whose ids are tried."""

    port: int
    routes: list[str]
    cookie: str
    ids: list[str]


@dataclass
class Request:
    method: str
    path: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    may_change: bool = False  # a form with its token, by somebody who is signed in or who signs up

    def raw(self, port: int) -> bytes:
        given = {name for name, _value in self.headers}
        headers = [] if "Host" in given else [("Host", f"127.0.0.1:{port}")]
        headers += [*self.headers, ("Connection", "close")]
        if self.cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies)))
        if self.body and given.isdisjoint({"Content-Length", "Transfer-Encoding"}):
            headers.append(("Content-Length", str(len(self.body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1", "replace")
        return self.method.encode() + b" " + self.path + b" HTTP/1.1\r\n" + lines + b"\r\n" + self.body


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def send(port: int, request: Request) -> Answer:
    """The answer to one request on a connection of its own, which says that nothing more will come."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with suppress(OSError):  # it has answered before it took everything
            connection.sendall(request.raw(port))
            connection.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection, method=request.method)
        try:
            answer.begin()
            body = answer.read()
        except (OSError, HTTPException):
            return Answer(0, {}, b"")
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(answer.headers["Content-Encoding"] or "", bytes)
    return Answer(answer.status, dict(answer.headers), unpack(body) if body else body)


def make(dice: random.Random, target: Target) -> Request:
    """One request, wrong in one way or in several."""
    route = dice.choice(target.routes)
    path = re.sub(r"<\w+:\w+>", lambda _: dice.choice([*target.ids, str(uuid.UUID(int=dice.getrandbits(128)))]), route)
    path = re.sub(r"\^?\(\?P<\w+>.*", "tasks/", path)
    request = Request(dice.choice(["GET", "GET", "POST", "POST", "POST", "HEAD"]), f"/{path}".encode())
    if is_signed_in := dice.random() < 0.7:
        request.cookies.append(("better-auth.session_token", target.cookie))
    if dice.random() < 0.8:
        request.cookies.append(("csrftoken", TOKEN))
    if request.method == "POST":
        fill(dice, request)
    for wrong in dice.sample(WRONGS, dice.choice([1, 1, 1, 2, 3])):
        wrong(dice, request)
    is_form = request.method == "POST" and TOKEN.encode() in request.body
    request.may_change = is_form and (is_signed_in or b"/sign-" in request.path)
    return request


def fill(dice: random.Random, request: Request) -> None:
    """A form as a page of the site would send it, but for what stands in it."""
    titles = [title.encode(errors="surrogatepass") for title in dice.choices(TITLES, k=3)]
    fields: list[tuple[str, str | bytes]] = [
        ("csrfmiddlewaretoken", TOKEN),
        ("title", titles[0]),
        ("description", titles[1]),
        ("lines", titles[2]),
        ("name", titles[0]),
        ("status", dice.choice(["pending", "completed", "done", "\0", ""])),
        ("version", dice.choice(["", "0", "9" * 30, "-1", "²", "\0"])),
        ("id", dice.choice(["", "x", "\0", str(uuid.UUID(int=dice.getrandbits(128)))])),
        ("task", dice.choice(["x", "\0", "9" * 40])),
        ("action", dice.choice(["complete", "reopen", "delete", "\0"])),
        ("next", dice.choice(NEXT)),
        ("user_id", "somebody"),
        ("created_at", "1970-01-01"),
        ("email", dice.choice(["", "\0@example.org", f"{TYPED}@example.org", "a@b", "x" * 300])),
        ("password", dice.choice(["", "\0", TYPED, "x" * 200])),
        ("session", dice.choice(["x", "\0"])),
        ("time_zone", dice.choice(["../../etc/passwd", "\0", "Europe/Nowhere", "x" * 300])),
        ("typed", dice.choice(["[[[", "[[1, 2]]", '[["title", "\\ud800"]]', "[" * 3000])),
        ("to", dice.choice(NEXT)),
        ("reason", titles[1]),
    ]
    dice.shuffle(fields)
    request.body = urlencode(fields[: dice.randrange(4, 21)] + fields[:1]).encode()
    request.headers.append(("Content-Type", FORM))


def with_type(dice: random.Random, request: Request) -> None:
    request.headers = [header for header in request.headers if header[0] != "Content-Type"]
    request.headers.append(("Content-Type", dice.choice(CONTENT_TYPES)))


def with_multipart(dice: random.Random, request: Request) -> None:
    """A form in parts, most of which are broken, with its token where it can be read."""
    name = dice.choice(["file", "title", "", "\xff", "x" * 300])
    file_name = dice.choice(["a.json", "a.csv", "../../etc/passwd", "\0", "\xff", "x" * 300, ""])
    content = dice.choice(
        [json.dumps({"tasks": [{"title": TYPED, "id": 1}]}), f"title\n={TYPED}", "\xff\xfe\0", "[" * 9000, ""]
    )
    encoding = dice.choice(["", "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: x\r\n"])
    part_type = dice.choice(["", "Content-Type: text/plain; charset=rot13\r\n", "Content-Type: x*=y''z\r\n"])
    parts = [
        f'Content-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{TOKEN}',
        f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n{encoding}{part_type}\r\n{content}',
        dice.choice(["", "\r\n", f"Content-Disposition: form-data\r\n\r\n{TYPED}", "x" * 3000]),
    ]
    body = "".join(f"--{SEPARATOR}\r\n{part}\r\n" for part in parts) + dice.choice([f"--{SEPARATOR}--\r\n", "", "--"])
    cut = dice.choice([len(body), len(body), dice.randrange(len(body))])
    request.method, request.body = "POST", body.encode("latin-1")[:cut]
    request.headers = [header for header in request.headers if header[0] != "Content-Type"]
    request.headers.append(("Content-Type", f"multipart/form-data; boundary={SEPARATOR}"))


def with_path(dice: random.Random, request: Request) -> None:
    request.path = dice.choice(PATHS).encode("latin-1")


def with_id(dice: random.Random, request: Request) -> None:
    request.path = re.sub(rb"[0-9a-f-]{36}", dice.choice(IDS).encode(), request.path)


def with_query(dice: random.Random, request: Request) -> None:
    query = "&".join(dice.choices([*QUERIES, *(f"next={quote(target)}" for target in NEXT)], k=dice.randrange(1, 4)))
    request.path = request.path.partition(b"?")[0] + b"?" + query.encode()


def with_header(dice: random.Random, request: Request) -> None:
    request.headers.append(dice.choice(HEADERS))


def with_headers(dice: random.Random, request: Request) -> None:
    request.headers += [(f"X-{n}", "x") for n in range(dice.choice([20, 150]))]


def with_cookie(dice: random.Random, request: Request) -> None:
    name = dice.choice(list(COOKIES))
    place = dice.choice([0, len(request.cookies)])
    request.cookies.insert(place, (name, dice.choice(COOKIES[name])))


def with_method(dice: random.Random, request: Request) -> None:
    request.method = dice.choice(METHODS)


def with_raw_body(dice: random.Random, request: Request) -> None:
    request.body = dice.choice(RAW) + request.body + dice.choice(RAW)


def without_token(dice: random.Random, request: Request) -> None:
    request.body = request.body.replace(TOKEN.encode(), dice.choice([b"", b"x", b"d" * 32, b"d" * 64, b"%00" * 32]))


def with_many_fields(dice: random.Random, request: Request) -> None:
    request.body += b"".join(b"&a%d=1" % n for n in range(2000))


def with_large_body(dice: random.Random, request: Request) -> None:
    if dice.random() < 0.1:
        request.body += b"&title=" + TYPED.encode() * (dice.choice([10_000, 300_000]) // 10)


def with_json(dice: random.Random, request: Request) -> None:
    value = dice.choice(["[]", "{}", '{"title": "x"}', "[" * 5000, "\xff", '{"csp-report": {"blocked-uri": [1]}}'])
    request.body = value.encode("latin-1")
    kind = dice.choice(["application/json", "application/csp-report", "application/reports+json"])
    request.headers = [("Content-Type", kind)]


def with_forged_token(dice: random.Random, request: Request) -> None:
    header = {"alg": dice.choice(["none", "HS256", "EdDSA"]), "kid": dice.choice(["", "../x", "' OR 1=1", "\0"])}
    payload = {"sub": dice.choice(["", "*", "\0", 1]), "exp": dice.choice([9999999999, "x", None])}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload)]
    request.headers.append(("Authorization", f"Bearer {'.'.join(parts)}.{TYPED}"))


WRONGS: list[Callable[[random.Random, Request], None]] = [
    with_type,
    with_multipart,
    with_path,
    with_id,
    with_query,
    with_query,
    with_header,
    with_header,
    with_headers,
    with_cookie,
    with_cookie,
    with_method,
    with_raw_body,
    without_token,
    with_many_fields,
    with_large_body,
    with_json,
    with_forged_token,
]
