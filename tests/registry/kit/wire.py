# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A small HTTP/1.1 server on loopback that can misbehave on the wire. Whoever starts one closes it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import parse_qs, unquote

from registry.kit.faults import Fault, Faults, Reply

TLS = Path(__file__).parents[2] / "data/tls"
CA_FILE = TLS / "ca.pem"
OTHER_CA_FILE = TLS / "other-ca.pem"
CLIENT_CERTIFICATE = (TLS / "client.pem", TLS / "client.key")
JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class Request:
    """What arrived. `headers` has lower-case names; repeated ones are joined by `, `. `target` is path and query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def argument(self, name: str) -> str | None:
        return self.query.get(name, [None])[0]


class _Closed(Exception):
    """The connection is over."""


class Server:
    """Serves `answer(request)` on 127.0.0.1, one thread for each connection, and records every request.

    `certificate` names a pair in tests/data/tls: server, expired, other-name, self-signed; None is plain http.
    `ask_client` demands a client certificate of the test CA. `close` fails if `answer` raised anything.
    """

    def __init__(
        self,
        answer: Callable[[Request], Reply],
        *,
        certificate: str | None = None,
        ask_client: bool = False,
        newest_tls: ssl.TLSVersion | None = None,
    ) -> None:
        self.faults = Faults()
        self.requests: list[Request] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._answer = answer
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._tls = _server_context(certificate, ask_client, newest_tls) if certificate else None
        self.scheme = "https" if certificate else "http"
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{self.scheme}://{self.host}"
        self._start(self._accept)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
        if kind is None and self.errors:
            raise self.errors[0]

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def seen(self, method: str = "", part: str = "") -> list[Request]:
        """Recorded requests with that method whose target contains `part`."""
        with self._lock:
            return [request for request in self.requests if method in ("", request.method) and part in request.target]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name=f"fake server {work.__name__}", daemon=True)
        with self._lock:
            self._threads = [known for known in self._threads if known.is_alive()] + [thread]
            thread.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._converse, connection)

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), connection:
            with self._lock:
                self.connections += 1
                self._sockets.add(connection)
            try:
                if self._tls is None and connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")  # to a TLS client
                    return
                if self._tls is not None:
                    plain = connection
                    connection = self._tls.wrap_socket(plain, server_side=True)
                    with self._lock:
                        self._sockets = self._sockets - {plain} | {connection}
                with connection, connection.makefile("rb") as reader:
                    while not self.closing.is_set() and self._exchange(connection, reader):
                        pass
            except _Closed:
                pass
            finally:
                with self._lock:
                    self._sockets.discard(connection)

    def _exchange(self, connection: socket.socket, reader: BinaryIO) -> bool:
        """One request and its answer; False when the connection shall be closed."""
        line = reader.readline(65537).decode("latin-1").split()
        if len(line) != 3:
            return False
        method = line[0]
        # The form that proxies use.
        target = line[1] if line[1].startswith("/") else "/" + line[1].partition("://")[2].partition("/")[2]
        headers = _read_headers(reader)
        fault = self.faults.take(method, target)
        while fault is not None and fault.unread is not None and not self.closing.is_set():
            if fault.unread.wait(0.01):
                break
        if fault is not None and fault.early:
            body = b""
        else:
            body = _read_body(reader, headers, fault.cut_request if fault else None)
        request = Request(method, target, headers, body)
        with self._lock:
            self.requests.append(request)
        if fault is None:
            _send(connection, method, self._served(request))
        else:
            self._misbehave(connection, request, fault)
        return headers.get("connection", "").lower() != "close" and (fault is None or not _closes(fault))

    def _served(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except Exception as error:
            self.errors.append(error)
            return Reply(500, repr(error).encode())

    def _misbehave(self, connection: socket.socket, request: Request, fault: Fault) -> None:
        if fault.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault.cut_request is not None:
            raise _Closed
        while fault.wait is not None and not self.closing.is_set() and not fault.wait.wait(0.01):
            pass
        reply = Reply()
        if fault.serve or (fault.status is None and fault.raw is None and not fault.silent and not fault.early):
            reply = self._served(request)
        if fault.raw is not None:
            connection.sendall(fault.raw)
        elif not fault.silent:
            _send(connection, request.method, _spoiled(reply, fault), fault, self.closing)


def _spoiled(reply: Reply, fault: Fault) -> Reply:
    extra = tuple(fault.headers.items()) if not isinstance(fault.headers, tuple) else fault.headers
    body = fault.body.encode() if isinstance(fault.body, str) else fault.body
    if fault.status is not None:
        reply = Reply(fault.status, body or b"", extra)
    else:
        names = {name.lower() for name, _ in extra}
        kept = tuple((name, value) for name, value in reply.headers if name.lower() not in names)
        reply = Reply(reply.status, reply.body if body is None else body, kept + extra)
    return fault.change(reply) if fault.change is not None else reply


def _closes(fault: Fault) -> bool:
    return fault.early or fault.silent or fault.raw is not None or fault.cut_response is not None


def _send(
    connection: socket.socket,
    method: str,
    reply: Reply,
    fault: Fault | None = None,
    closing: threading.Event | None = None,
) -> None:
    reason = next((known.phrase for known in HTTPStatus if known == reply.status), "")
    lines = [f"HTTP/1.1 {reply.status} {reason}"]
    if reply.header("Date") is None:
        lines.append(f"Date: {formatdate(usegmt=True)}")
    if reply.status not in (204, 304) and reply.header("Content-Length") is None:
        lines.append(f"Content-Length: {len(reply.body)}")
    lines += [f"{name}: {value}" for name, value in reply.headers]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    body = b"" if method == "HEAD" or reply.status in (204, 304) else reply.body
    if fault is not None and fault.cut_response is not None:
        body = body[: fault.cut_response]
    if fault is None or fault.pause is None:
        connection.sendall(head + body)
        return
    whole = head + body if fault.drip_head else body
    if not fault.drip_head:
        connection.sendall(head)
    for start in range(0, len(whole), fault.piece):
        if closing is not None and closing.is_set():
            raise _Closed
        fault.pause()
        connection.sendall(whole[start : start + fault.piece])


def _read_headers(reader: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := reader.readline(65537).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read_body(reader: BinaryIO, headers: dict[str, str], at_most: int | None) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int(reader.readline().split(b";")[0], 16):
            pieces.append(reader.read(size))
            reader.readline()
        reader.readline()
        return b"".join(pieces)
    length = int(headers.get("content-length", "0"))
    wanted = length if at_most is None else min(length, at_most)
    body = reader.read(wanted)
    if len(body) < wanted:
        raise _Closed
    return body


def _server_context(certificate: str, ask_client: bool, newest: ssl.TLSVersion | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions are deprecated, and asked for
            context.minimum_version = newest
            context.maximum_version = newest
    context.load_cert_chain(TLS / f"{certificate}.pem", TLS / f"{certificate}.key")
    if ask_client:
        context.load_verify_locations(CA_FILE)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
