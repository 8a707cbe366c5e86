"""The proxy's configuration that the deployment recommends: what it is there for, tried with the real nginx."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from todo_site.tests.server import ROOT, free_port, migrated_database, start_server

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")

# What it shows does not depend on the database.
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="needs nginx, and there is none on this machine"),
]

NAME = "todo.example.org"
MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/todo.conf;
}}
"""


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(private)


class Proxy:
    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.trust = ssl.create_default_context(cafile=folder / "fullchain.pem")

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.trust.wrap_socket(plain, server_hostname=NAME)

    def get(self, path: str, *headers: str) -> tuple[int, str]:
        with closing(self.connect()) as client:
            lines = [f"GET {path} HTTP/1.1", f"Host: {NAME}", "Connection: close", *headers, "", ""]
            client.sendall("\r\n".join(lines).encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        head, _, body = answer.decode().partition("\r\n\r\n")
        return int(head.split()[1]), head + body


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=30)):
            return
        sleep(0.05)
    raise RuntimeError(f"nginx stopped with status {process.returncode}")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    make_certificate(folder)
    with ExitStack() as stack:
        url = stack.enter_context(migrated_database(folder))
        options = {
            "DATABASE_URL": url,
            "TRUSTED_PROXIES": "1",
            "ALLOWED_HOSTS": f"{NAME},127.0.0.1",
            "CSRF_TRUSTED_ORIGINS": f"https://{NAME}",
        }
        site = stack.enter_context(start_server(folder / "site.log", **options))
        port = free_port()
        conf = (ROOT / "deploy" / "nginx.conf").read_text()
        for there, here in {
            "127.0.0.1:8000": f"127.0.0.1:{site.port}",
            "listen 443": f"listen 127.0.0.1:{port}",
            "listen 80": f"listen 127.0.0.1:{free_port()}",
            f"/etc/letsencrypt/live/{NAME}": str(folder),
        }.items():
            assert there in conf
            conf = conf.replace(there, here)
        (folder / "todo.conf").write_text(conf)
        user = "user root;" if folder.owner() == "root" else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
        command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
        process = subprocess.Popen(command)
        try:
            wait_until_it_listens(process, port)
            yield Proxy(folder, port)
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_forty_slow_clients_keep_nobody_from_the_site(proxy: Proxy) -> None:
    beginnings = [
        b"GET / HTTP/1.1\r\nHost: ",
        b"POST /sign-in/ HTTP/1.1\r\nHost: todo.example.org\r\nContent-Length: 100000\r\n\r\nemail=",
    ]
    with ExitStack() as stack:
        for n in range(40):
            stack.enter_context(closing(client := proxy.connect()))
            client.sendall(beginnings[n % 2])
        for _ in range(20):
            status, text = proxy.get("/sign-in/")
            assert status == 200
            assert "Sign in" in text


def test_tells_the_site_that_the_browser_speaks_tls(proxy: Proxy) -> None:
    _, text = proxy.get("/sign-in/")
    assert "strict-transport-security" in text.lower()


def test_shows_the_figures_to_nobody(proxy: Proxy) -> None:
    assert proxy.get("/metrics", "X-Forwarded-For: 127.0.0.1")[0] == 404


def test_leaves_it_to_the_site_to_say_what_is_too_large(proxy: Proxy) -> None:
    assert proxy.get("/sign-in/", f"X-Long: {'x' * 9000}")[0] in {400, 431}
    assert proxy.get("/nothing/" + "x" * 5000)[0] == 414
