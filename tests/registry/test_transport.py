# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is sent and what is read, how much of it, and what is noticed on the way."""

from __future__ import annotations

import gzip
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from registry.asking import PLAIN, PULL, PUSH, Login, get, tags
from registry.kit.behaviour import Behaviour, behaving
from registry.kit.fake_auth import error
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import lengthened, shortened

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    BadAnswer,
    MirrordeckError,
    NetworkDown,
    RemoteError,
    RemoteNotFound,
    StorageFailed,
)
from core.network.bodies import Body, BytesBody, FileBody
from core.registry.messages import RateLimit
from core.registry.transport import Transport

Connect = Callable[..., Transport]
LIST = "/tags/list"
QUERY = "c4nary-query"
BLOB = b"layer " * 1000


@pytest.fixture(autouse=True)
def _some_tags(registry: FakeRegistry) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")


def upload(transport: Transport, body: Body, path: str = "/v2/lab/img/manifests/x", **more: object) -> object:
    return get(transport, path, **{"method": "PUT", "scope": PUSH, "expect": {201}, "body": body, **more})


def test_what_a_request_carries(registry: FakeRegistry, connect: Connect) -> None:
    get(connect(), headers={"Accept": "application/json", "Range": "bytes=0-"})
    (seen,) = registry.seen("GET", LIST)
    assert seen.headers == {
        "host": registry.host,
        "user-agent": "mirrordeck",
        "accept": "application/json",
        "range": "bytes=0-",
        "accept-encoding": "identity",
    }


def test_connections_are_kept(registry: FakeRegistry, connect: Connect) -> None:
    transport = connect()
    for _ in range(5):
        tags(transport)
        get(transport, "/v2/lab/img/manifests/a", method="HEAD")
        get(transport, "/v2/lab/img/manifests/b", expect={404})
        with pytest.raises(RemoteNotFound):
            get(transport, "/v2/lab/img/manifests/b")
        get(transport, "/v2/lab/img/manifests/a", method="PUT", scope=PUSH, body=BytesBody(b"{}"), expect={201})
    assert registry.server.connections == 1


@pytest.mark.parametrize("behaviour", ["nexus", "zot"])
def test_q24_q26_a_length_always(registry: FakeRegistry, connect: Connect, behaviour: str, tmp_path: Path) -> None:
    registry.behaviour = behaving(behaviour)
    transport = connect()
    get(transport, "/v2/lab/img/blobs/uploads/", method="POST", scope=PUSH, expect={202})
    upload(transport, BytesBody(b""), "/v2/lab/img/manifests/y", expect={400})
    (tmp_path / "body").write_bytes(bytes(200_000))
    upload(transport, FileBody(tmp_path / "body", 200_000), "/v2/lab/img/manifests/y", expect={400})
    lengths = [request.headers["content-length"] for request in registry.requests if request.method != "GET"]
    assert lengths == ["0", "0", "200000"]
    assert not [request for request in registry.requests if "transfer-encoding" in request.headers]


def test_bodies_are_the_callers_affair(registry: FakeRegistry, connect: Connect, tmp_path: Path) -> None:
    """What goes wrong while reading them is neither the network's fault nor tried again."""
    path = tmp_path / "body"
    path.write_bytes(bytes(100_000))
    with pytest.raises(StorageFailed, match="ended after 100000 of 100001 bytes"):
        upload(connect(), FileBody(path, 100_001))
    upload(connect(), FileBody(path, 99_999), expect={400})
    assert len(registry.seen("PUT")[0].body) == 99_999
    with pytest.raises(FileNotFoundError):
        upload(connect(), FileBody(tmp_path / "none", 5))

    class Broken(BytesBody):
        def open(self) -> object:
            return (tmp_path / "body").open("wb", buffering=0)

    with pytest.raises(MirrordeckError, match="cannot be read"):
        upload(connect(), Broken(b"12345"))
    assert len(registry.seen("PUT")) == 1


def test_streams(registry: FakeRegistry, connect: Connect) -> None:
    digest = registry.add_blob("lab/img", BLOB)
    transport = connect()
    path = f"/v2/lab/img/blobs/{digest}"
    with transport.stream(
        path, scope=PULL, expect={200, 206}, token=CancelToken(), headers={"Range": "bytes=10-"}
    ) as got:
        assert (got.status, got.headers["content-range"]) == (206, f"bytes 10-5999/{len(BLOB)}")
        data = b""
        while piece := got.read(1000):
            assert len(piece) <= 1000
            data += piece
        assert got.read(10) == b""
    assert data == BLOB[10:]
    with transport.stream(path, scope=PULL, expect={200}, token=CancelToken()) as got:
        got.read(10)  # and no more: the rest is not waited for
    with pytest.raises(RemoteNotFound), transport.stream(path[:-1], scope=PULL, expect={200}, token=CancelToken()):
        pass
    registry.faults.add(path="/blobs/", cut_response=3000)
    with transport.stream(path, scope=PULL, expect={200}, token=CancelToken()) as got:
        assert len(got.read(4096)) <= 3000
        with pytest.raises(NetworkDown, match="too early"):
            assert [got.read(4096) for _ in range(3)] == []
    assert len(registry.seen("GET", "/blobs/")) == 4


@pytest.mark.parametrize("change", [lengthened, shortened])
def test_t06_bodies_of_another_length(registry: FakeRegistry, connect: Connect, change: object) -> None:
    """The transport hands over what came; limits are the caller's: a descriptor's size."""
    digest = registry.add_blob("lab/img", BLOB)
    registry.faults.add(path="/blobs/", change=change, times=None)
    path = f"/v2/lab/img/blobs/{digest}"
    if change is lengthened:
        with pytest.raises(BadAnswer, match=f"more than {len(BLOB)} bytes"):
            get(connect(), path, limit=len(BLOB))
    else:
        assert len(get(connect(), path, limit=len(BLOB)).body) == len(BLOB) - 1


def test_t06_endless_body(registry: FakeRegistry, connect: Connect) -> None:
    sent = [0]

    def count() -> None:
        sent[0] += 1

    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    registry.faults.add(
        path=LIST, body=bytes(50_000_000), pause=count, piece=100_000, headers={"Content-Length": "1e99"}
    )
    with pytest.raises(RemoteError):
        get(connect(), limit=1 << 20)
    registry.faults.add(path=LIST, raw=head + bytes(3_000_000))
    with pytest.raises(BadAnswer, match="longer than it can be"):
        get(connect(), limit=1 << 20)
    assert sent[0] < 500


def test_t07_nothing_is_unpacked(registry: FakeRegistry, connect: Connect) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    registry.faults.add(path=LIST, body=bomb, headers={"Content-Encoding": "gzip"}, times=None)
    assert get(connect(), limit=1 << 20).body == bomb
    with connect().stream("/v2/lab/img/tags/list", scope=PULL, expect={200}, token=CancelToken()) as got:
        assert got.read(10) == bomb[:10]


def test_t07_limits_hold_before_reading(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(path=LIST, headers={"Content-Length": "99999999999"}, times=None)
    with pytest.raises(BadAnswer, match="more than 100 bytes"):
        get(connect(), limit=100)
    assert get(connect(), method="HEAD", limit=0).headers.length == 99999999999


def test_q47_media_type_without_parameters(registry: FakeRegistry, connect: Connect) -> None:
    registry.behaviour = Behaviour(charset=True)
    answer = get(connect(), "/v2/lab/img/manifests/a")
    assert answer.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert answer.headers["Content-Type"].endswith("; charset=utf-8")


def test_warnings_are_told_once(registry: FakeRegistry, connect: Connect) -> None:
    text = '299 - "This is \\"old\\"\x1b[0m", 299 - "Second"'
    registry.faults.add(path=LIST, headers={"Warning": text}, times=None)
    transport = connect()
    tags(transport)
    tags(transport)
    assert transport.warnings() == ['This is "old"\\x1b[0m', "Second"]
    tags(transport)
    assert transport.warnings() == []


def test_q07_rate_limit_meter(registry: FakeRegistry, connect: Connect) -> None:
    transport = connect()
    tags(transport)
    assert transport.rate_limit() is None
    headers = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
    registry.faults.add(path=LIST, headers=headers)
    tags(transport)
    assert transport.rate_limit() == RateLimit(76, 100, 21600)
    registry.faults.add(path=LIST, headers={"RateLimit-Remaining": "lots"})
    tags(transport)
    assert transport.rate_limit() == RateLimit(76, 100, 21600)
    registry.faults.add(path=LIST, headers={"RateLimit-Remaining": "3"})
    tags(transport)
    assert transport.rate_limit() == RateLimit(3)


def test_t18_no_secret_in_logs_errors_or_reprs(registry: FakeRegistry, connect: Connect, caplog) -> None:
    """Also when the server repeats them."""
    caplog.set_level(logging.DEBUG)
    registry.authority.kind = "bearer"
    registry.authority.users = {"me": "c4nary-password"}
    transport = connect(Login("me", "c4nary-password"), PLAIN)
    shown: list[str] = []

    def ask(**fault: object) -> None:
        registry.faults.clear()
        registry.faults.add(times=None, **fault)
        try:
            get(transport, f"/v2/lab/img/tags/list?signature={QUERY}", retry=False)
        except RemoteError as raised:
            shown.append("".join(traceback.format_exception(raised)) + repr(raised) + repr(raised.info()))
        shown.append(repr(transport) + repr(vars(transport)))

    ask(path=LIST, status=403, body=error(403, "DENIED", "token opaque-token-0 for c4nary-password is bad").body)
    ask(path=LIST, silent=True)
    ask(path=LIST, cut_response=1)
    ask(path=LIST, raw=b"junk\r\n\r\n")
    ask(path=LIST, status=307, headers={"Location": f"http://169.254.169.254/?{QUERY}"})
    ask(path=LIST, status=307, headers={"Location": f"http://127.0.0.1:1/x?{QUERY}"})
    registry.authority.revoke_all()
    ask(path="/token", status=400, body="Basic bWU6YzRuYXJ5LXBhc3N3b3Jk is not right")
    ask(path="/token", status=401, body="c4nary-password is wrong")
    everything = "\n".join(shown) + caplog.text
    for secret in ("c4nary", "opaque-token", "bWU6YzRuYXJ5LXBhc3N3b3Jk"):
        assert secret not in everything
    assert "*** for *** is bad" in everything
    assert f"GET {registry.url}/v2/lab/img/tags/list: 403" in caplog.text


def test_errors_cross_processes(registry: FakeRegistry, connect: Connect) -> None:
    """Spack loses them there."""
    with pytest.raises(RemoteError) as caught:
        get(connect(), "/v2/lab/img/manifests/none")
    assert pickle.loads(pickle.dumps(caught.value.info())) == caught.value.info()
