# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The way to a server, step by step: names, connections, certificates, and proxies in between."""

from __future__ import annotations

import base64
import socket
import time
from pathlib import Path

import pytest
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE
from registry.test_proxies import Proxy, proxy  # noqa: F401 - a fixture

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NetworkDown, ProxyInterference, TlsError
from core.network import probe
from core.network.endpoints import Endpoint
from core.network.probe import connected, examine_certificate, resolve, route_to

TOKEN = CancelToken()


def facts(registry: FakeRegistry, ca_file: Path | None = CA_FILE) -> probe.TlsFacts:
    route = route_to(registry.endpoint)
    with connected(route, resolve(route, TOKEN), TOKEN) as connection:
        return examine_certificate(route, connection, ca_file, TOKEN)


def test_a_certificate_tells_who_vouches_for_it_and_until_when() -> None:
    with FakeRegistry(certificate="server") as registry:
        found = facts(registry)
    assert found.version == "TLSv1.3"
    assert "CA" in found.issuer.upper()
    assert found.expires > time.time()
    assert registry.requests == []


@pytest.mark.parametrize(
    ("certificate", "words"),
    [("expired", "expired"), ("self-signed", "self.signed"), ("other-name", "match|valid for")],
)
def test_t24_certificates_that_are_not_accepted(certificate: str, words: str) -> None:
    with FakeRegistry(certificate=certificate) as registry, pytest.raises(TlsError, match=words) as caught:
        facts(registry)
    assert caught.value.remedies


def test_a_server_without_tls_is_told_apart() -> None:
    with FakeRegistry() as registry:
        secure = Endpoint("https", registry.host)
        route = route_to(secure)
        with connected(route, resolve(route, TOKEN), TOKEN) as connection, pytest.raises(TlsError, match="speak TLS"):
            examine_certificate(route, connection, None, TOKEN)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        route = route_to(Endpoint("http", f"127.0.0.1:{unused.getsockname()[1]}"))
        with pytest.raises(NetworkDown, match="refused") as caught, connected(route, resolve(route, TOKEN), TOKEN):
            pass
    assert "firewall" in caught.value.remedies[0]


def test_the_second_address_is_tried_when_the_first_is_dead() -> None:
    with FakeRegistry() as registry, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        route = route_to(registry.endpoint)
        dead = (socket.AF_INET, ("127.0.0.1", unused.getsockname()[1]))
        with connected(route, (dead, *resolve(route, TOKEN)), TOKEN) as connection:
            assert connection.getpeername()[1] == route.port


def test_a_silent_server_is_given_up_and_a_cancelled_probe_at_once(monkeypatch) -> None:
    monkeypatch.setattr(probe, "_STEP_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        route = route_to(Endpoint("https", f"127.0.0.1:{silent.getsockname()[1]}"))
        addresses = resolve(route, TOKEN)
        with connected(route, addresses, TOKEN) as slow, pytest.raises(NetworkDown, match="no connection in time"):
            examine_certificate(route, slow, None, TOKEN)
        cancelled = CancelToken()
        with connected(route, resolve(route, TOKEN), TOKEN) as connection:
            cancelled.cancel()
            with pytest.raises(Cancelled):
                examine_certificate(route, connection, None, cancelled)


def test_a_name_that_cannot_be_resolved(monkeypatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NetworkDown, match="Name or service not known") as caught:
        resolve(route_to(Endpoint("https", "reg.invalid")), TOKEN)
    assert "VPN" in caught.value.remedies[0]


def test_through_a_proxy_the_certificate_is_still_seen(proxy: Proxy) -> None:  # noqa: F811
    with FakeRegistry(certificate="server") as registry:
        route = route_to(registry.endpoint)
        assert f"{route.host}:{route.port}" == proxy.address
        assert "pr0xy-pass" not in repr(route)
        found = facts(registry)
    assert found.expires > time.time()
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {registry.host} ")
    assert base64.b64encode(b"proxy-user:pr0xy-pass").decode() in head


def test_a_proxy_that_lets_nobody_through(proxy: Proxy) -> None:  # noqa: F811
    proxy.refuse = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with FakeRegistry(certificate="server") as registry, pytest.raises(ProxyInterference, match="login of its own"):
        facts(registry)


def test_a_proxy_that_is_no_address(monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "http://:x")
    with pytest.raises(ProxyInterference):
        route_to(Endpoint("https", "reg.example.org"))


def test_other_schemes_bring_their_own_port() -> None:
    assert route_to(Endpoint("sftp", "files.example.org"), port=22).port == 22
    assert route_to(Endpoint("ftp", "files.example.org:2121"), port=21).port == 2121
