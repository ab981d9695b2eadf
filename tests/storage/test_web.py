# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.web_site import WebSite
from registry.kit.canary import CanaryHost
from registry.kit.clock import FakeClock
from registry.kit.faults import Reply
from registry.kit.wire import CA_FILE

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
    BadAnswer,
    Cancelled,
    NetworkDown,
    NotFound,
    ProxyInterference,
    ServerError,
    StorageFailed,
    TlsError,
    UsageError,
)
from core.network.client import Client
from core.storage.folder import Folder
from core.storage.reading import Files
from core.storage.s3_address import public_address
from core.storage.web import WebFiles, WebStore, server_of

LARGE = os.urandom(3 << 20)
DIGEST = f"sha256:{hashlib.sha256(LARGE).hexdigest()}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "site/mirror"
    (root / "a+b").mkdir(parents=True)
    (root / "a+b/small").write_bytes(b'{"x": 1}')
    (root / "large").write_bytes(LARGE)
    (root / "empty").write_bytes(b"")
    return root


@pytest.fixture
def site(root: Path) -> Iterator[WebSite]:
    with WebSite(root.parent) as site:
        yield site


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(site: WebSite, clock: FakeClock) -> Iterator[WebStore]:
    base = f"{site.url}/mirror/"
    client = Client(server_of(base), clock=clock)
    yield WebStore(client, base)
    client.close()


@pytest.fixture
def files(store: WebStore) -> WebFiles:
    return store.files(CancelToken())


def read_all(files: Files, key: str, pieces: int = 1 << 20) -> bytes:
    with files.open(key) as reader:
        found = []
        while piece := reader.read(pieces):
            found.append(piece)
        return b"".join(found)


def test_web_and_folder_are_alike(files: WebFiles, root: Path, tmp_path: Path) -> None:
    folder = Folder(root)
    for place, name in ((files, "web"), (folder, "folder")):
        assert place.fetch("a+b/small", 100)[0] == b'{"x": 1}'
        assert place.stat("large").size == len(LARGE)  # type: ignore[union-attr]
        assert place.stat("empty").size == 0  # type: ignore[union-attr]
        assert place.stat("not/there") is None
        assert read_all(place, "large") == LARGE
        with pytest.raises(NotFound, match="not/there"):
            place.fetch("not/there", 100)
        with pytest.raises(NotFound), place.open("not/there") as reader:
            reader.read(1)
        steps: list[int] = []
        target = tmp_path / name
        place.save("large", DIGEST, target, token=CancelToken(), progress=steps.append)
        assert target.read_bytes() == LARGE
        assert sum(steps) == len(LARGE)
        with pytest.raises((BadAnswer, StorageFailed), match="digest"):
            place.save("empty", DIGEST, tmp_path / "no", token=CancelToken(), progress=steps.append)
        with pytest.raises((NotFound, BadAnswer)):
            place.save("not/there", DIGEST, tmp_path / "no", token=CancelToken(), progress=steps.append)
        with pytest.raises(StorageFailed):
            place.fetch("../large", 100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "site", "web"]
    assert files.scan("a+b") is None
    assert files.fetch("large", len(LARGE))[1].mtime == int((root / "large").stat().st_mtime)


def test_too_large_is_an_error(files: WebFiles) -> None:
    with pytest.raises(BadAnswer, match="more than 100"):
        files.fetch("large", 100)


def test_what_is_the_same_does_not_come_again(files: WebFiles, site: WebSite, root: Path, store: WebStore) -> None:
    first = files.fetch("a+b/small", 100)
    assert store.files(CancelToken()).fetch("a+b/small", 100) == first
    assert [request.headers.get("if-none-match") is not None for request in site.requests] == [False, True]
    assert all("%2B" in request.target for request in site.requests)
    (root / "a+b/small").write_bytes(b'{"x": 2}')
    assert files.fetch("a+b/small", 100)[0] == b'{"x": 2}'


def test_a_broken_download_goes_on(files: WebFiles, site: WebSite, tmp_path: Path) -> None:
    site.faults.add(method="GET", path="/large", cut_response=1 << 20)
    files.save("large", DIGEST, tmp_path / "out", token=CancelToken(), progress=lambda _: None)
    assert (tmp_path / "out").read_bytes() == LARGE
    asked = [request.headers.get("range") for request in site.seen("GET", "/large")]
    assert asked == [None, f"bytes={1 << 20}-"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_stream_goes_on(files: WebFiles, site: WebSite, ranges: bool) -> None:
    site.ranges = ranges
    site.faults.add(method="GET", path="/large", cut_response=1_000_000)
    assert read_all(files, "large") == LARGE
    assert len(site.seen("GET", "/large")) == 2


def test_a_server_that_goes_on_elsewhere_is_not_believed(files: WebFiles, site: WebSite) -> None:
    site.faults.add(method="GET", path="/large", cut_response=1000)
    site.faults.add(method="GET", path="/large", headers={"Content-Range": "bytes 5-10/3145728"})
    with pytest.raises(BadAnswer, match="another place"):
        read_all(files, "large")


def test_failures_are_tried_again(files: WebFiles, site: WebSite, clock: FakeClock) -> None:
    site.faults.add(path="/a", status=503)
    site.faults.add(path="/a", status=429, headers={"Retry-After": "7"})
    assert files.fetch("a+b/small", 100)[0] == b'{"x": 1}'
    assert clock.sleeps[-1] == pytest.approx(7)
    for _ in range(10):
        site.faults.add(path="/large", status=500)
    with pytest.raises(ServerError):
        files.stat("large")


def test_no_head(files: WebFiles, site: WebSite) -> None:
    for _ in range(2):
        site.faults.add(method="HEAD", path="/", status=405)
    assert files.stat("large").size == len(LARGE)  # type: ignore[union-attr]
    assert files.stat("empty").size == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
def test_a_page_in_the_place_of_data(files: WebFiles, site: WebSite, kind: str) -> None:
    page = "<!DOCTYPE html><html><title>Log in to the Wi-Fi</title></html>"
    site.faults.add(path="/a", status=200, body=page, headers={"Content-Type": kind})
    with pytest.raises(ProxyInterference, match=r"a web page came for http://.*/mirror/a\+b/small"):
        files.fetch("a+b/small", 1000)
    assert files.fetch("a+b/small", 1000)[0] == b'{"x": 1}'


def test_a_page_instead_of_a_blob(files: WebFiles, site: WebSite, tmp_path: Path) -> None:
    site.faults.add(method="GET", path="/large", status=200, body="<html>", headers={"Content-Type": "text/html"})
    with pytest.raises(ProxyInterference):
        files.save("large", DIGEST, tmp_path / "x", token=CancelToken(), progress=lambda _: None)
    assert not (tmp_path / "x").exists()


def test_refusals_say_whom_they_come_from(files: WebFiles, site: WebSite) -> None:
    site.faults.add(path="/a", status=403, body="<html><title>403 Forbidden</title></html>")
    with pytest.raises(AccessDenied, match="does not let everybody read") as caught:
        files.fetch("a+b/small", 100)
    assert caught.value.remedies
    site.faults.add(path="/a", status=401)
    with pytest.raises(AuthRequired, match="wants a login"):
        files.fetch("a+b/small", 100)


def test_a_bucket_nobody_may_list(root: Path, clock: FakeClock) -> None:
    with WebSite(root, bucket=True) as site:
        client = Client(server_of(site.url), clock=clock)
        files = WebStore(client, site.url, hides_missing=True).files(CancelToken())
        try:
            with pytest.raises(AccessDenied, match="HTTP 403, Access Denied"):
                files.fetch("not/there", 100)
            assert files.fetch("a+b/small", 100)[0] == b'{"x": 1}'
            assert files.stat("not/there") is None
            with pytest.raises(NotFound):
                files.fetch("not/there", 100)
        finally:
            client.close()


def test_redirects_stay_within_the_rules(files: WebFiles, site: WebSite, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login canary password s3cret\n")
    with CanaryHost(Reply(200, b"here")) as other:
        site.faults.add(path="/a", status=302, headers={"Location": f"{other.url}/elsewhere"})
        assert files.fetch("a+b/small", 100)[0] == b"here"
        assert other.leaks(["s3cret"]) == []
    for _ in range(20):
        site.faults.add(path="/a", status=302, headers={"Location": "/a"})
    with pytest.raises(BadAnswer, match="circles"):
        files.fetch("a+b/small", 100)
    assert not any("authorization" in request.headers for request in site.requests)


def test_ftp_is_not_followed(files: WebFiles, site: WebSite) -> None:
    site.faults.add(path="/a", status=302, headers={"Location": "ftp://127.0.0.1/x"})
    with pytest.raises(BadAnswer, match="cannot be"):
        files.fetch("a+b/small", 100)


def test_tls_by_an_authority_of_ones_own(root: Path, clock: FakeClock) -> None:
    with WebSite(root, certificate="server") as site:
        for ca_file in (CA_FILE, None):
            client = Client(server_of(site.url), ca_file=ca_file, clock=clock)
            try:
                files = WebStore(client, site.url).files(CancelToken())
                if ca_file is None:
                    with pytest.raises(TlsError):
                        files.stat("large")
                else:
                    assert files.stat("large").size == len(LARGE)  # type: ignore[union-attr]
            finally:
                client.close()


def test_stopping(files: WebFiles, store: WebStore, site: WebSite) -> None:
    token = CancelToken()
    with store.files(token).open("large") as reader:
        reader.read(10)
        token.cancel()
        with pytest.raises(Cancelled):
            reader.read(10)


def test_stopping_while_nothing_comes(store: WebStore, site: WebSite) -> None:
    gate, token = threading.Event(), CancelToken()
    site.faults.add(path="/large", wait=gate)
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        store.files(token).stat("large")
    gate.set()
    timer.join()


def test_nobody_there(clock: FakeClock) -> None:
    client = Client(server_of("http://127.0.0.1:1/x"), clock=clock)
    with pytest.raises(NetworkDown):
        WebStore(client, "http://127.0.0.1:1/x").files(CancelToken()).fetch("a", 10)
    client.close()


@pytest.mark.parametrize("bad", ["https://", "ftp://h/x", "https://u:p@h/x", "https://h/x?sig=1", "https://h:99999/"])
def test_addresses_that_cannot_be_read(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        server_of(bad)
    assert ":p" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "endpoint", "address"),
    [
        ("s3://spack-binaries/develop", "", "https://spack-binaries.s3.amazonaws.com/develop"),
        ("s3://a.dotted.name/p/q/", "", "https://s3.amazonaws.com/a.dotted.name/p/q"),
        ("s3://bucket", "", "https://bucket.s3.amazonaws.com"),
        ("s3://bucket/p q", "minio.example.org:9000", "https://minio.example.org:9000/bucket/p%20q"),
        ("s3://bucket/p", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/bucket/p"),
        ("s3://bucket/p", "https://bucket.objects.example.org", "https://bucket.objects.example.org/p"),
        ("gs://bucket/p", "https://ignored.example.org", "https://storage.googleapis.com/bucket/p"),
    ],
)
def test_addresses_of_buckets(url: str, endpoint: str, address: str) -> None:
    assert public_address(url, endpoint) == address


def test_odd_buckets_are_refused() -> None:
    for bad in ("s3:///x", "s3://a@b/x", "s3://..", "https://bucket/x", "s3://bucket/x?y"):
        with pytest.raises(UsageError):
            public_address(bad, "")
