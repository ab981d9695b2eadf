# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Encrypted connections: whom we trust, who we are, and what is said when it does not work."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from registry.asking import tags
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE, CLIENT_CERTIFICATE, OTHER_CA_FILE

from core.foundation.errors import NetworkDown, TlsError
from core.network.endpoints import Endpoint
from core.registry.options import TransportOptions
from core.registry.transport import Transport

Connect = Callable[..., Transport]
TRUSTING = TransportOptions(ca_file=CA_FILE)


def serving(certificate: str = "server", **more: object) -> FakeRegistry:
    fake = FakeRegistry(certificate=certificate, **more)  # type: ignore[arg-type]
    fake.add_manifest("lab/img", b"{}", tag="a")
    return fake


def test_t24_own_authority(connect: Connect) -> None:
    with serving() as secure:
        assert tags(connect(None, TRUSTING, endpoint=secure.endpoint)) == ["a"]
        by_name = Endpoint("https", secure.host.replace("127.0.0.1", "localhost"))
        assert tags(connect(None, TRUSTING, endpoint=by_name)) == ["a"]


@pytest.mark.parametrize(
    ("certificate", "authority", "words"),
    [
        ("server", None, "unable to get local issuer"),
        ("server", OTHER_CA_FILE, "unable to get local issuer"),
        ("expired", CA_FILE, "expired"),
        ("other-name", CA_FILE, "doesn't match|not valid for|IP address mismatch"),
        ("self-signed", CA_FILE, "self.signed"),
    ],
)
def test_t24_certificates_that_are_not_trusted(
    connect: Connect, certificate: str, authority: Path | None, words: str
) -> None:
    with serving(certificate) as secure:
        transport = connect(None, TransportOptions(ca_file=authority), endpoint=secure.endpoint)
        with pytest.raises(TlsError, match=words) as caught:
            tags(transport)
        assert secure.host in caught.value.title
        assert caught.value.remedies
        # Not tried again, and nothing was sent.
        assert (secure.server.connections, secure.requests) == (1, [])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_t24_authorities_of_the_environment(connect: Connect, variable: str, monkeypatch) -> None:
    monkeypatch.setenv(variable, str(CA_FILE))
    with serving() as secure:
        assert tags(connect(endpoint=secure.endpoint)) == ["a"]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_t24_the_mirrors_own_authority_wins(connect: Connect, variable: str, monkeypatch) -> None:
    with serving() as secure:
        monkeypatch.setenv(variable, str(OTHER_CA_FILE))
        assert tags(connect(None, TRUSTING, endpoint=secure.endpoint)) == ["a"]
        with pytest.raises(TlsError):
            tags(connect(endpoint=secure.endpoint))
        monkeypatch.setenv(variable, str(CA_FILE))
        with pytest.raises(TlsError):
            tags(connect(None, TransportOptions(ca_file=OTHER_CA_FILE), endpoint=secure.endpoint))


def test_t24_client_certificate(connect: Connect) -> None:
    with serving(ask_client=True) as secure:
        known = TransportOptions(ca_file=CA_FILE, client_certificate=CLIENT_CERTIFICATE)
        assert tags(connect(None, known, endpoint=secure.endpoint)) == ["a"]
        # What is said depends on whether the server's alert or the end of the connection comes first.
        with pytest.raises((TlsError, NetworkDown)) as caught:
            tags(connect(None, TRUSTING, endpoint=secure.endpoint))
        if isinstance(caught.value, TlsError):
            assert "client certificate" in " ".join(caught.value.remedies)


def test_t24_files_that_cannot_be_used(connect: Connect, tmp_path: Path, tool: Callable[[str], str]) -> None:
    certificate, key = CLIENT_CERTIFICATE
    for options in (
        TransportOptions(ca_file=tmp_path / "none.pem"),
        TransportOptions(ca_file=key),
        TransportOptions(client_certificate=(certificate, tmp_path / "none.key")),
        TransportOptions(client_certificate=(certificate, CA_FILE)),
    ):
        with pytest.raises(TlsError) as caught:
            connect(None, options)
        assert str(options.ca_file or options.client_certificate[1]) in caught.value.why
    locked = tmp_path / "locked.key"
    command = [tool("openssl"), "pkcs8", "-topk8", "-in", str(key), "-out", str(locked), "-passout", "pass:x"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(TlsError, match="protected by a password"):
        connect(None, TransportOptions(client_certificate=(certificate, locked)))


def test_t24_old_tls_is_refused(connect: Connect) -> None:
    with serving(newest_tls=ssl.TLSVersion.TLSv1_1) as old:
        with pytest.raises(TlsError, match="protocol"):
            tags(connect(None, TRUSTING, endpoint=old.endpoint))
        assert old.requests == []
    with serving(newest_tls=ssl.TLSVersion.TLSv1_2) as decent:
        assert tags(connect(None, TRUSTING, endpoint=decent.endpoint)) == ["a"]


def test_plain_server_at_a_tls_address(registry: FakeRegistry, connect: Connect) -> None:
    with pytest.raises(TlsError, match="does not speak TLS") as caught:
        tags(connect(endpoint=Endpoint("https", registry.host)))
    assert "oci+http" in caught.value.remedies[0]


def test_server_that_never_shakes_hands(connect: Connect, clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("https", f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(NetworkDown, match="no connection in time"):
            tags(connect(None, TransportOptions(connect_timeout_s=0.05), endpoint=endpoint))
    assert len(clock.sleeps) == 5


def test_tls_server_at_a_plain_address(connect: Connect) -> None:
    with serving() as secure, pytest.raises(NetworkDown):
        tags(connect(endpoint=Endpoint("http", secure.host)))


def test_t04_redirect_to_plain_http(connect: Connect, registry: FakeRegistry) -> None:
    with serving() as secure:
        target = f"{registry.url.replace('127.0.0.1', 'localhost')}/x"
        secure.faults.add(path="/tags/", status=307, headers={"Location": target}, times=None)
        with pytest.raises(Exception, match="unencrypted") as caught:
            tags(connect(None, TRUSTING, endpoint=secure.endpoint))
        assert type(caught.value).__name__ == "BadAnswer"
        assert registry.requests == []
