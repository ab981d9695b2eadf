# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Downloads: complete and verified or nothing, and continued where they broke."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registry.clients import NAME, TOKEN, connected, content, descriptor
from registry.kit.canary import CanaryHost
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply, corrupted, lengthened, shortened

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer, Cancelled, NetworkDown, NotFound, Refused, RemoteNotFound, ServerError
from core.network.downloads import range_start
from core.registry.manifests import Descriptor

DATA = content(300_000)
BLOB = descriptor(DATA)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder / "layer"


@pytest.fixture(autouse=True)
def _nothing_left_behind(target: Path) -> Iterator[None]:
    yield
    left = [path.name for path in target.parent.iterdir() if path != target]
    assert not left


def ranges(registry: FakeRegistry) -> list[str | None]:
    return [request.headers.get("range") for request in registry.seen("GET", "/blobs/")]


def test_a_blob_becomes_a_file(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    steps: list[int] = []
    with connected(registry) as repository:
        repository.download(BLOB, target, TOKEN, steps.append)
    assert target.read_bytes() == DATA
    assert sum(steps) == len(DATA)
    assert ranges(registry) == [None]
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def test_an_empty_blob_becomes_an_empty_file(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, b"")
    with connected(registry) as repository:
        repository.download(descriptor(b""), target, TOKEN)
    assert target.read_bytes() == b""


def test_a_broken_download_goes_on_where_it_broke(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    for cut in (100_000, 50_000):
        registry.faults.add(method="GET", path="/blobs/", cut_response=cut)
    steps: list[int] = []
    with connected(registry) as repository:
        repository.download(BLOB, target, TOKEN, steps.append)
    assert target.read_bytes() == DATA
    assert ranges(registry) == [None, "bytes=100000-", "bytes=150000-"]
    assert sum(steps) == len(DATA)


def test_without_ranges_it_starts_over(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    registry.behaviour = type(registry.behaviour)(ranges=False)
    registry.faults.add(method="GET", path="/blobs/", cut_response=100_000)
    steps: list[int] = []
    with connected(registry) as repository:
        repository.download(BLOB, target, TOKEN, steps.append)
    assert target.read_bytes() == DATA
    assert sum(steps) == len(DATA), "progress ran backwards or twice"


def _elsewhere(reply: Reply) -> Reply:
    return Reply(206, reply.body, reply.headers).having(Content_Range=f"bytes 7-{len(DATA) - 1}/{len(DATA)}")


def _no_range(reply: Reply) -> Reply:
    return reply.having(Content_Range=None)


def _past_the_end(reply: Reply) -> Reply:
    return Reply(416, b"", reply.headers).having(Content_Range=f"bytes */{len(DATA)}")


@pytest.mark.parametrize("change", [_elsewhere, _no_range, _past_the_end])
def test_a_range_that_is_not_exactly_what_was_asked_for_is_not_used(
    registry: FakeRegistry, target: Path, change: Callable[[Reply], Reply]
) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", cut_response=100_000)
    registry.faults.add(method="GET", path="/blobs/", change=change)
    with connected(registry) as repository:
        repository.download(BLOB, target, TOKEN)
    assert target.read_bytes() == DATA
    assert ranges(registry) == [None, "bytes=100000-", None]


def test_a_registry_that_never_continues_is_given_up(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", cut_response=1000)
    registry.faults.add(method="GET", path="/blobs/", change=_past_the_end, times=None)
    with connected(registry) as repository, pytest.raises(Refused):
        repository.download(BLOB, target, TOKEN)
    assert not target.exists()
    assert len(registry.requests) < 15


@pytest.mark.parametrize("change", [corrupted, shortened, lengthened])
def test_t06_other_bytes_than_the_descriptor_says_never_appear(
    registry: FakeRegistry, target: Path, change: Callable[[Reply], Reply]
) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", change=change, times=None)
    with connected(registry) as repository, pytest.raises(BadAnswer, match=BLOB.digest):
        repository.download(BLOB, target, TOKEN)
    assert not target.exists()
    assert len(registry.seen("GET", "/blobs/")) < 4


def test_t06_more_bytes_than_the_descriptor_says_end_it_at_once(registry: FakeRegistry, target: Path) -> None:
    """Without reading on: an endless body would fill the disk."""
    endless = Descriptor(BLOB.media_type, BLOB.digest, 1000)
    registry.add_blob(NAME, DATA)
    steps: list[int] = []
    with connected(registry) as repository, pytest.raises(BadAnswer, match="more than"):
        repository.download(endless, target, TOKEN, steps.append)
    assert sum(steps) <= 1000
    assert len(registry.seen("GET", "/blobs/")) == 1


def test_outages_end_after_six_tries_that_bring_nothing(registry: FakeRegistry, target: Path, clock: FakeClock) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", nth=2, status=503, times=None)
    registry.faults.add(method="GET", path="/blobs/", cut_response=1000)
    with connected(registry, clock=clock) as repository, pytest.raises(ServerError):
        repository.download(BLOB, target, TOKEN)
    assert len(registry.seen("GET", "/blobs/")) in (6, 7)
    assert not target.exists()


def test_many_breaks_are_no_outage_while_bytes_come(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", cut_response=20_000, times=None)
    with connected(registry) as repository:
        repository.download(BLOB, target, TOKEN)
    assert target.read_bytes() == DATA


def test_a_connection_that_never_brings_a_byte_is_given_up(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", cut_response=0, times=None)
    with connected(registry) as repository, pytest.raises(NetworkDown):
        repository.download(BLOB, target, TOKEN)
    assert len(registry.seen("GET", "/blobs/")) == 6


def test_stopping_leaves_nothing(registry: FakeRegistry, target: Path) -> None:
    registry.add_blob(NAME, DATA)
    token = CancelToken()
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.download(BLOB, target, token, lambda _count: token.cancel())
    assert not target.exists()


def test_a_missing_blob_and_a_missing_folder_are_named(registry: FakeRegistry, target: Path) -> None:
    with connected(registry) as repository:
        with pytest.raises(RemoteNotFound):
            repository.download(BLOB, target, TOKEN)
        registry.add_blob(NAME, DATA)
        with pytest.raises(NotFound, match="nowhere"):
            repository.download(BLOB, target.parent / "nowhere" / "layer", TOKEN)


def test_an_existing_file_is_replaced_in_one_step(registry: FakeRegistry, target: Path) -> None:
    target.write_bytes(b"old")
    registry.faults.add(method="GET", path="/blobs/", change=corrupted)
    registry.add_blob(NAME, DATA)
    with connected(registry) as repository:
        with pytest.raises(BadAnswer):
            repository.download(BLOB, target, TOKEN)
        assert target.read_bytes() == b"old"
        repository.download(BLOB, target, TOKEN)
    assert target.read_bytes() == DATA


def test_storage_elsewhere_gets_the_range_but_no_credentials(clock: FakeClock, target: Path) -> None:
    with FakeRegistry(clock=clock) as registry, CanaryHost() as storage:
        registry.authority.kind = "bearer"
        storage.reply = Reply(200, DATA)
        storage.faults.add(cut_response=1000)
        address = {"Location": f"{storage.url}/signed?signature=1"}
        registry.faults.add(method="GET", path="/blobs/", status=307, headers=address, times=None)
        with connected(registry, clock=clock, plain_passwords=True) as repository:
            repository.download(BLOB, target, TOKEN)
        assert target.read_bytes() == DATA
        assert [request.headers.get("range") for request in storage.requests] == [None, "bytes=1000-"]
        assert not storage.leaks(["pass-word", *registry.authority.issued])


def test_small_blobs_are_verified(registry: FakeRegistry) -> None:
    digest = registry.add_blob(NAME, b"config")
    with connected(registry) as repository:
        assert repository.read_blob(digest, 100, TOKEN) == b"config"
        with pytest.raises(BadAnswer):
            repository.read_blob(digest, 3, TOKEN)
        with pytest.raises(RemoteNotFound):
            repository.read_blob(digest_of(b"other"), 100, TOKEN)
        registry.faults.add(method="GET", path="/blobs/", change=corrupted)
        with pytest.raises(BadAnswer, match="another digest"):
            repository.read_blob(digest, 100, TOKEN)


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("bytes 5-9/10", 5),
        ("bytes  5-9/*", 5),
        ("bytes 5-9", None),
        ("bytes */10", None),
        ("items 5-9/10", None),
        ("", None),
        ("bytes 5-9/10, x", None),
        (f"bytes {'9' * 30}-9/10", None),
    ],
)
def test_content_range(header: str, start: int | None) -> None:
    assert range_start(header) == start
