# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where requests go: paths, redirects and Locations, and who learns who we are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from registry.asking import PASSWORD, PLAIN, PULL, PUSH, Login, get, tags
from registry.kit.canary import CanaryHost
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
    BadAnswer,
    Refused,
    UsageError,
)
from core.network.bodies import Body, BytesBody
from core.network.session import Session
from core.network.watchdog import Watchdog
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
    "path",
    ["/v2/a/../b/tags/list", "/v2/a/./b", "/v2/a/%2e%2e/b", "/v2/a%2f..%2fb", "/v2/a b/tags", "/v2/a\r\nX: y",
     "/v2/a\0", "/v2/ü/tags", "/v2/a\\b", "/v2/a#b"],
)  # fmt: skip
def test_t12_paths_that_would_arrive_as_others(registry: FakeRegistry, connect: Connect, path: str) -> None:
    with pytest.raises(UsageError):
        get(connect(), path)
    assert registry.requests == []


@pytest.mark.parametrize("url", ["//evil.example/v2/", "v2/x", "", "file:///etc/passwd", "http://a:b@127.0.0.1/v2/x"])
def test_t12_addresses_that_are_none(registry: FakeRegistry, connect: Connect, url: str) -> None:
    with pytest.raises(BadAnswer):
        get(connect(), url)
    assert registry.requests == []


def test_addresses_are_sent_as_they_are(registry: FakeRegistry, connect: Connect) -> None:
    """Signatures of upload sessions do not survive being tidied up."""
    path = "/v2/lab/img/blobs/uploads/x?_state=a%2Fb%7Ec==&B=%41+%20~*'()!,;:@$"
    for url in (path, registry.url + path):
        get(connect(), url, expect={404})
    assert [request.target for request in registry.seen("GET", "/blobs/uploads")] == [path] * 2


def test_q18_redirect_to_storage_without_credentials(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    digest = registry.add_blob("lab/img", BLOB)
    with CanaryHost() as storage:
        target = f"{storage.url.replace('127.0.0.1', 'localhost')}/bucket/x?X-Signature=s3cr3t"
        registry.faults.add(path="/blobs/", status=307, headers={"Location": target}, times=None)
        transport = connect(Login(), PLAIN)
        answer = get(transport, f"/v2/lab/img/blobs/{digest}", headers={"Range": "bytes=0-"})
        assert answer.body == b"{}"
        assert "s3cr3t" not in repr(answer)
        with transport.stream(f"/v2/lab/img/blobs/{digest}", scope=PULL, expect={200}, token=CancelToken()) as got:
            assert got.read(100) == b"{}"
        get(transport, f"/v2/lab/img/blobs/{digest}", method="HEAD")
        assert [request.method for request in storage.requests] == ["GET", "GET", "HEAD"]
        assert storage.requests[0].headers["range"] == "bytes=0-"
        assert storage.leaks([PASSWORD, "opaque-token"]) == []
        storage.faults.add(status=403, body="<Error><Code>AccessDenied</Code></Error>")
        with pytest.raises(AccessDenied) as caught:
            get(transport, f"/v2/lab/img/blobs/{digest}")
        assert "s3cr3t" not in f"{caught.value} {caught.value.__cause__}"
        # A 401 of the storage says nothing about our login.
        storage.faults.add(status=401, headers={"WWW-Authenticate": "Basic realm=storage"}, times=None)
        with pytest.raises(AuthRequired):
            get(transport, f"/v2/lab/img/blobs/{digest}")
        assert storage.leaks([PASSWORD, "opaque-token"]) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_t03_writing_requests_are_not_redirected(
    registry: FakeRegistry, connect: Connect, status: int, method: str
) -> None:
    with CanaryHost() as canary:
        registry.faults.add(method=method, status=status, headers={"Location": f"{canary.url}/x"})
        with pytest.raises(Refused, match="elsewhere"):
            get(connect(), "/v2/lab/img/blobs/uploads/", method=method, scope=PUSH, body=BytesBody(b"12"))
        assert canary.requests == []


def test_t03_location_on_another_host(registry: FakeRegistry, connect: Connect) -> None:
    """An upload may go on elsewhere, but nobody there learns who we are. Cookies are never kept."""
    registry.authority.kind = "bearer"
    registry.faults.add(path="", headers={"Set-Cookie": "session=c00kie; Path=/"}, times=None)
    with CanaryHost() as canary:
        transport = connect(Login(), PLAIN)
        started = get(transport, "/v2/lab/img/blobs/uploads/", method="POST", scope=PUSH, expect={202})
        for location in (f"{canary.url}/up?id=1", f"{canary.url.replace('127.0.0.1', 'localhost')}/up"):
            upload(transport, BytesBody(b"data"), transport.resolve(started, location), expect={200})
        assert canary.leaks([PASSWORD, "opaque-token", "c00kie"]) == []
        assert len(canary.requests) == 2
        # A 401 there does not make us tell it either.
        canary.faults.add(status=401, headers={"WWW-Authenticate": f'Bearer realm="{canary.url}/token"'}, times=None)
        with pytest.raises(AuthRequired):
            upload(transport, BytesBody(b"data"), f"{canary.url}/up")
        assert canary.leaks([PASSWORD, "opaque-token", "c00kie"]) == []
        assert canary.seen("GET") == []
    assert not [request for request in registry.requests if "cookie" in request.headers]


def test_redirects_are_counted(registry: FakeRegistry, connect: Connect) -> None:
    for number in range(5):
        registry.faults.add(path=LIST, status=302, headers={"Location": f"list?hop={number}"})
    assert tags(connect()) == ["a"]
    assert [request.target for request in registry.seen("GET", LIST)][-1].endswith("hop=4")


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]:80/", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/",
     "http://127.0.0.1:0x50/", "http://[::1", "http://127.0.0.1/\x80", "x" * 9000],
)  # fmt: skip
def test_redirects_to_places_nobody_may_send_us(registry: FakeRegistry, connect: Connect, location: str) -> None:
    registry.faults.add(path=LIST, status=307, headers={"Location": location}, times=None)
    with pytest.raises(BadAnswer):
        tags(connect())
    assert len(registry.seen("GET", LIST)) == 1


def test_redirect_without_location(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(path=LIST, status=307)
    with pytest.raises(Refused):
        tags(connect())


def test_t05_netrc_is_never_used(registry: FakeRegistry, connect: Connect, home: Path) -> None:
    (home / ".netrc").write_text(
        "machine 127.0.0.1 login netrc-user password netrc-canary\n"
        "machine localhost login netrc-user password netrc-canary\ndefault login netrc-user password netrc-canary\n"
    )
    (home / ".netrc").chmod(0o600)
    registry.authority.kind = "basic"
    with CanaryHost() as storage:
        registry.faults.add(path=LIST, nth=2, status=307, headers={"Location": f"{storage.url}/x"}, times=None)
        transport = connect(Login(), PLAIN)
        tags(transport)
        get(transport)
        assert len(storage.requests) == 1
        assert storage.leaks() == []
    registry.faults.clear()
    with pytest.raises(AuthRequired):
        tags(connect())
    sent = {request.headers.get("authorization") for request in registry.requests}
    assert sent == {None, "Basic bWU6cGFzcy13b3Jk"}


def test_t05_requests_own_ways_of_finding_a_login_are_closed(home: Path) -> None:
    (home / ".netrc").write_text("default login netrc-user password netrc-canary\n")
    (home / ".netrc").chmod(0o600)
    with Session(Watchdog(FakeClock())) as session:
        prepared = session.prepare_request(requests.Request("GET", "http://127.0.0.1/"))
        assert "Authorization" not in prepared.headers
        prepared.headers["Authorization"] = "Basic x"
        session.rebuild_auth(prepared, requests.Response())
        assert "Authorization" not in prepared.headers
        assert not session.trust_env  # else ~/.netrc and the like would count again
