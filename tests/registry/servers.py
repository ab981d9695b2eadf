# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Debian's docker-registry on loopback, with a certificate authority and a token server of our own."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from helpers.ports import free_port

USER = "lab"
PASSWORD = "c4nary-pw"
# bcrypt of PASSWORD at a low cost, as `htpasswd -B` writes it.
HTPASSWD = "lab:$2y$05$DuiFjRJQWmfPWwLD5cE9oOcp566KIoZkib.bGNVPoKdYFCpqwnNWO\n"
SERVICE = "lab-registry"
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate authority and a certificate of it for 127.0.0.1 and localhost."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A registry that answers: `host` is 127.0.0.1:port; `authority` is None for plain http."""

    scheme: str
    host: str
    authority: Path | None = None
    user: str = ""
    password: str = ""
    data: Path = Path()


def make_certificates(folder: Path, openssl: str) -> Certificates:
    """Write a new authority and a server certificate into `folder`."""
    authority, certificate = folder / "authority.pem", folder / "server.pem"
    common = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    usage = ["-addext", "keyUsage=critical,keyCertSign"]
    _run([*common, "-subj", "/CN=lab authority", *usage, "-keyout", str(folder / "a.key"), "-out", str(authority)])
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    signer = ["-CA", str(authority), "-CAkey", str(folder / "a.key")]
    key = folder / "server.key"
    _run([*common, *signer, "-subj", "/CN=127.0.0.1", *names, "-keyout", str(key), "-out", str(certificate)])
    return Certificates(authority, certificate, key)


@contextmanager
def docker_registry(
    program: str, folder: Path, *, tls: Certificates | None = None, auth: str = ""
) -> Iterator[RunningRegistry]:
    """`docker-registry serve` with its data below `folder`; deletion is on. `auth` is the YAML of that section."""
    port = free_port()
    scheme = "https" if tls else "http"
    configuration = folder / "config.yml"
    configuration.write_text(_configuration(folder, port, tls, auth))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(configuration)], stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    try:
        host = f"127.0.0.1:{port}"
        _wait_for(f"{scheme}://{host}/v2/", process, tls, folder / "log")
        yield RunningRegistry(scheme, host, tls.authority if tls else None, data=folder / "data")
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def token_server(tls: Certificates, folder: Path, openssl: str) -> Iterator[tuple[str, Path]]:
    """A token server for USER on https: its realm, and the certificate that a registry must trust for its tokens."""
    key, certificate = folder / "token.key", folder / "token.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lab tokens"]
    _run([*command, "-keyout", str(key), "-out", str(certificate)])
    signer = _TokenSigner(openssl, key, certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(signer))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/token", certificate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token_auth(realm: str, certificate: Path) -> str:
    """The `auth` section for a registry that trusts the token server."""
    options = {"realm": realm, "service": SERVICE, "issuer": "lab", "rootcertbundle": str(certificate)}
    return "auth: " + json.dumps({"token": options}) + "\n"


def basic_auth(folder: Path) -> str:
    """The `auth` section for USER and PASSWORD."""
    path = folder / "htpasswd"
    path.write_text(HTPASSWD)
    return "auth: " + json.dumps({"htpasswd": {"realm": "lab", "path": str(path)}}) + "\n"


class _TokenSigner:
    def __init__(self, openssl: str, key: Path, certificate: Path) -> None:
        self._command = [openssl, "dgst", "-sha256", "-sign", str(key)]
        body = "".join(line for line in certificate.read_text().splitlines() if "-----" not in line)
        self._header = {"typ": "JWT", "alg": "RS256", "x5c": [body]}

    def token(self, scopes: list[str]) -> str:
        """Everything that was asked for is granted, but for nothing longer than a minute."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {"iss": "lab", "sub": USER, "aud": SERVICE, "nbf": now - 5, "iat": now, "exp": now + 60}
        signed = f"{_encode(self._header)}.{_encode({**claims, 'jti': str(time.monotonic_ns()), 'access': access})}"
        signature = subprocess.run(self._command, input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{_base64url(signature)}"


def _handler(signer: _TokenSigner) -> type[BaseHTTPRequestHandler]:
    allowed = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == allowed
            query = parse_qs(urlsplit(self.path).query)
            scopes = [part for text in query.get("scope", []) for part in text.split(" ")]
            answer = (
                {"token": signer.token(scopes), "expires_in": 60} if known else {"errors": [{"code": "UNAUTHORIZED"}]}
            )
            body = json.dumps(answer).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


def _configuration(folder: Path, port: int, tls: Certificates | None, auth: str) -> str:
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}", "secret": "lab"}
    if tls:
        http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
    log = {"level": "warn", "accesslog": {"disabled": True}}
    sections = {"version": 0.1, "log": log, "storage": storage, "http": http}
    return "".join(f"{name}: {json.dumps(section)}\n" for name, section in sections.items()) + auth


def _wait_for(url: str, process: subprocess.Popen[bytes], tls: Certificates | None, log: Path) -> None:
    context = ssl.create_default_context(cafile=str(tls.authority)) if tls else None
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 401:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"docker-registry does not answer: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _encode(part: object) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
