# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What errors say, and answers that are not the registry's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from registry.asking import PASSWORD, PLAIN, PUSH, Login, get, tags
from registry.kit.behaviour import behaving
from registry.kit.canary import CanaryHost
from registry.kit.fake_auth import error
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE

from core.foundation.errors import (
    AccessDenied,
    BadAnswer,
    NetworkDown,
    NotFound,
    ProxyInterference,
    QuotaExceeded,
    RateLimited,
    Refused,
    RemoteError,
    RemoteNotFound,
    ServerError,
    TooLarge,
)
from core.network.bodies import Body, BytesBody
from core.network.endpoints import Endpoint
from core.registry.options import TransportOptions
from core.registry.transport import Transport

Connect = Callable[..., Transport]
LIST = "/tags/list"
BLOB = b"layer " * 1000


@pytest.fixture(autouse=True)
def _some_tags(registry: FakeRegistry) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")


def upload(transport: Transport, body: Body, path: str = "/v2/lab/img/manifests/x", **more: object) -> object:
    return get(transport, path, **{"method": "PUT", "scope": PUSH, "expect": {201}, "body": body, **more})


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (403, error(403, "DENIED", "permission_denied: write_package").body, AccessDenied, "write_package"),
        (403, b'{"errors":[{"code":"DENIED","message":"no","detail":"ask bob"}]}', AccessDenied, "no: ask bob"),
        (403, b'{"error":"insufficient_scope","error_description":"too little"}', AccessDenied, "too little: insuff"),
        (403, b'{"message":"Forbidden by policy"}', AccessDenied, "Forbidden by policy"),
        (400, b'{"errors":[{"code":"NAME_INVALID"}]}', Refused, "NAME_INVALID"),
        (400, b'{"errors":[{"code":1,"message":2},"x",null]}', Refused, "HTTP 400 Bad Request to GET http"),
        (400, b'{"errors":{}}', Refused, "HTTP 400"),
        (400, b"plain words", Refused, "plain words"),
        (400, b"", Refused, "HTTP 400"),
        (400, b"[" * 60_000, Refused, "[[["),
        (412, b"adding 5 GiB would exceed the configured upper limit", QuotaExceeded, "upper limit"),
        (403, b'{"errors":[{"code":"DENIED","message":"Storage quota exceeded"}]}', QuotaExceeded, "quota"),
        (507, b"", QuotaExceeded, "507"),
        (418, b"", Refused, "teapot"),
        (599, b"", ServerError, "HTTP 599"),
        (404, b"404 page not found", RemoteNotFound, "page not found"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_errors_speak_the_servers_words(
    registry: FakeRegistry, connect: Connect, status: int, body: bytes, kind: type[RemoteError], words: str
) -> None:
    registry.faults.add(path=LIST, status=status, body=body, times=None)
    with pytest.raises(kind) as caught:
        tags(connect(), retry=False)
    assert words.lower() in caught.value.why.lower()
    assert registry.host in caught.value.title
    assert caught.value.status == status


def test_not_found_is_the_usual_one_too(registry: FakeRegistry, connect: Connect) -> None:
    with pytest.raises(NotFound):
        get(connect(), "/v2/lab/img/manifests/none")


def test_t16_words_are_clipped_and_harmless(registry: FakeRegistry, connect: Connect) -> None:
    text = "\x1b[31mred\u202e\n" + "long " * 300_000
    registry.faults.add(path=LIST, status=403, body=error(403, "X\x1b[0m", text).body)
    with pytest.raises(AccessDenied) as caught:
        tags(connect())
    assert "\x1b" not in caught.value.why
    assert "\n" not in caught.value.why
    assert len(caught.value.why) < 3000


def test_head_errors_are_explained(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(path=LIST, status=403, body=error(403, "DENIED", "because").body, times=None)
    with pytest.raises(AccessDenied, match="because"):
        get(connect(), method="HEAD")
    assert [request.method for request in registry.seen(part=LIST)] == ["HEAD", "GET"]
    with pytest.raises(RemoteNotFound):
        get(connect(), "/v2/lab/img/manifests/none", method="HEAD")
    assert [request.method for request in registry.seen(part="/manifests/none")] == ["HEAD"]


def test_q41_413_as_a_page_of_a_proxy(registry: FakeRegistry, connect: Connect) -> None:
    registry.behaviour = behaving("harbor", largest_body=1000)
    started = get(connect(), "/v2/lab/img/blobs/uploads/", method="POST", scope=PUSH, expect={202})
    with pytest.raises(TooLarge, match="413 Request Entity Too Large"):
        upload(connect(), BytesBody(bytes(2000)), started.headers["location"].replace(registry.url, ""))


def test_q41_refused_before_all_is_sent(registry: FakeRegistry, connect: Connect) -> None:
    """The answer comes early and the connection is closed: either it is read, or it is a break at that place."""
    registry.faults.add(method="PUT", early=True, status=413, times=None)
    with pytest.raises((TooLarge, NetworkDown)) as caught:
        upload(connect(), BytesBody(bytes(30_000_000)), retry=False)
    if isinstance(caught.value, NetworkDown):
        assert caught.value.sent_bytes < 30_000_000


def test_q22_http_location_behind_a_proxy_that_ends_tls(connect: Connect) -> None:
    with FakeRegistry(behaving("harbor"), certificate="server") as harbor:
        transport = connect(None, TransportOptions(ca_file=CA_FILE), endpoint=harbor.endpoint)
        started = get(transport, "/v2/lab/img/blobs/uploads/", method="POST", scope=PUSH, expect={202})
        assert started.headers["location"].startswith(f"http://{harbor.host}/")
        url = transport.resolve(started, started.headers["location"])
        assert url == started.headers["location"].replace("http://", "https://")
        assert transport.resolve(started, "http://127.0.0.1:1/x?y=%2f") == f"{harbor.url}/x?y=%2f"
        (warning,) = transport.warnings()
        assert "believes to be reached by http" in warning
        assert transport.warnings() == []
        with pytest.raises(BadAnswer, match="unencrypted"):
            transport.resolve(started, "http://localhost/x")


def test_locations_of_every_style(registry: FakeRegistry, connect: Connect) -> None:
    transport = connect()
    started = get(transport, "/v2/lab/img/blobs/uploads/", method="POST", scope=PUSH, expect={202})
    base = f"{registry.url}/v2/lab/img/blobs/uploads/"
    for location, expected in [
        ("/v2/x?a=b", f"{registry.url}/v2/x?a=b"),
        ("abc?d=e", base + "abc?d=e"),
        ("?d=e", base + "?d=e"),
        (f"{registry.url}/y", f"{registry.url}/y"),
    ]:
        assert transport.resolve(started, location) == expected
    for location in ("http://evil\r\n.example/", "javascript:x", "//169.254.169.254/x"):
        with pytest.raises(BadAnswer):
            transport.resolve(started, location)


def test_q43_200_to_everything_is_no_registry(connect: Connect) -> None:
    with CanaryHost() as host:
        host.faults.add(body="Welcome to nginx!", headers={"Content-Type": "text/plain"}, times=None)
        with pytest.raises(ProxyInterference, match="not the root of a registry: Welcome to nginx!"):
            tags(connect(Login(), PLAIN, endpoint=Endpoint("http", host.host)))
        assert host.leaks([PASSWORD]) == []
        assert [request.target for request in host.requests] == ["/v2/"]


def test_roots_of_every_kind(connect: Connect) -> None:
    for fault in [
        {"body": ""},
        {"body": "true", "headers": {"Docker-Distribution-Api-Version": "registry/2.0"}},
        {"status": 404, "body": "404 page not found"},
        {"status": 403},
    ]:
        with FakeRegistry() as other:
            other.add_manifest("lab/img", b"{}", tag="a")
            other.faults.add(path="/v2/$", **fault)
            assert tags(connect(endpoint=other.endpoint)) == ["a"]


def test_t25_captive_portal(registry: FakeRegistry, connect: Connect) -> None:
    page = "<!DOCTYPE html><html><head><title>Hotel &amp; Spa: please log in</title></head></html>"
    html = {"Content-Type": "text/html; charset=utf-8"}
    cases = [
        {"status": 200, "body": page, "headers": html},
        {"status": 403, "body": page, "headers": html},
        {"status": 404, "body": page},
        {"status": 511, "body": page, "headers": html},
        {"status": 407},
    ]
    for fault in cases:
        registry.faults.clear()
        registry.faults.add(path=LIST, times=None, **fault)
        with pytest.raises(ProxyInterference) as caught:
            tags(connect())
        assert caught.value.remedies
        if fault["status"] in (403, 511):
            assert "Hotel & Spa" in caught.value.why
    registry.faults.clear()
    registry.faults.add(path="/v2/$", status=200, body=page, headers=html)
    transport = connect()
    with pytest.raises(ProxyInterference):
        tags(transport)
    # Nothing of it was kept.
    assert tags(transport) == ["a"]


def test_pages_of_the_server_before_a_registry(registry: FakeRegistry, connect: Connect) -> None:
    page = "<html><head><title>502 Bad Gateway</title></head></html>"
    registry.faults.add(path=LIST, status=502, body=page, headers={"Content-Type": "text/html"})
    assert tags(connect()) == ["a"]
    registry.faults.add(path=LIST, status=429, body=page, headers={"Content-Type": "text/html"})
    with pytest.raises(RateLimited):
        tags(connect(), retry=False)


def test_t36_a_success_is_only_what_was_expected(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(method="PUT", status=200)
    with pytest.raises(Refused):
        upload(connect(), BytesBody(b"{}"))
