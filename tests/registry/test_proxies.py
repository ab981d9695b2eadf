# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Proxies of the environment, by a small one in this process."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from registry.asking import PLAIN, Login, tags
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE

from core.foundation.errors import NetworkDown, ProxyInterference
from core.registry.options import TransportOptions
from core.registry.transport import Transport

Connect = Callable[..., Transport]


class Proxy:
    """Passes everything on: CONNECT as a tunnel, other requests to the host in their address. Records the heads."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.refuse = b""
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        for found in [self._listener, *self._sockets]:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
            found.close()
        for thread in self._threads:
            thread.join(60)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._sockets.append(connection)
                self._start(self._serve, connection)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1) or b"\r\n\r\n"
            self.heads.append(head.decode())
            if self.refuse:
                client.sendall(self.refuse)
                client.shutdown(socket.SHUT_RDWR)
                return
            method, target, _ = head.decode().split(" ", 2)
            where = target if method == "CONNECT" else target.split("/")[2]
            host, _, port = where.partition(":")
            server = socket.create_connection((host, int(port)))
            self._sockets.append(server)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(head)
            self._start(self._copy, client, server)
            self._copy(server, client)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(monkeypatch) -> Iterator[Proxy]:
    running = Proxy()
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://proxy-user:pr0xy-pass@{running.address}")
    yield running
    running.close()


@pytest.fixture
def secure() -> Iterator[FakeRegistry]:
    with FakeRegistry(certificate="server") as running:
        running.add_manifest("lab/img", b"{}", tag="a")
        running.authority.kind = "basic"
        yield running


TRUSTING = TransportOptions(ca_file=CA_FILE)
PROXY_LOGIN = "Basic " + base64.b64encode(b"proxy-user:pr0xy-pass").decode()


def test_plain_requests_go_through_it(registry: FakeRegistry, connect: Connect, proxy: Proxy) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")
    assert tags(connect()) == ["a"]
    assert proxy.heads[0].startswith(f"GET {registry.url}/v2/ HTTP/1.1\r\n")
    assert f"Proxy-Authorization: {PROXY_LOGIN}\r\n" in proxy.heads[0]


def test_encrypted_requests_go_through_a_tunnel(secure: FakeRegistry, connect: Connect, proxy: Proxy) -> None:
    assert tags(connect(Login(), TRUSTING, endpoint=secure.endpoint)) == ["a"]
    assert len(proxy.heads) == 1
    assert proxy.heads[0].startswith(f"CONNECT {secure.host} ")
    assert PROXY_LOGIN in proxy.heads[0]
    # Neither learns the other's password.
    assert "bWU6cGFzcy13b3Jk" not in proxy.heads[0]
    assert not [request for request in secure.requests if "proxy-authorization" in request.headers]


def test_hosts_excepted_from_it(registry: FakeRegistry, connect: Connect, proxy: Proxy, monkeypatch) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")
    monkeypatch.setenv("no_proxy", "example.org,127.0.0.1")
    assert tags(connect()) == ["a"]
    assert proxy.heads == []


def test_t25_it_wants_a_login(secure: FakeRegistry, registry: FakeRegistry, connect: Connect, proxy: Proxy) -> None:
    page = b"<html><title>Proxy login</title></html>"
    proxy.refuse = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    with pytest.raises(ProxyInterference, match="login of its own") as caught:
        tags(connect(Login(), TRUSTING, endpoint=secure.endpoint))
    assert caught.value.status == 407
    with pytest.raises(ProxyInterference):
        tags(connect(Login(), PLAIN))
    assert len(proxy.heads) == 2
    assert "pr0xy-pass" not in f"{caught.value!r}{caught.value.why}{caught.value.remedies}"


def test_it_is_gone(secure: FakeRegistry, connect: Connect, proxy: Proxy) -> None:
    proxy.close()
    with pytest.raises(NetworkDown, match=r"proxy to .* cannot be reached: Connection refused") as caught:
        tags(connect(Login(), TRUSTING, endpoint=secure.endpoint))
    assert "pr0xy-pass" not in str(caught.value)


def test_it_makes_no_sense(secure: FakeRegistry, connect: Connect, monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://user:pr0xy-pass@127.0.0.1:1")
    with pytest.raises(ProxyInterference, match="cannot be used") as caught:
        tags(connect(Login(), TRUSTING, endpoint=secure.endpoint))
    assert "pr0xy-pass" not in str(caught.value)
