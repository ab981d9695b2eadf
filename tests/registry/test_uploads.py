# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Uploads: as little as possible is sent, and what was sent is really there."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from registry.clients import NAME, TOKEN, connected, content
from registry.kit.behaviour import behaving
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import AccessDenied, BadAnswer, Cancelled, NetworkDown, ServerError, StorageFailed
from core.network.bodies import BytesBody, FileBody
from core.registry import upload_sessions
from core.registry.repository import BlobOutcome, Repository

MIB = 1 << 20
DATA = content(200_000)
DIGEST = digest_of(DATA)


def upload(repository: Repository, data: bytes = DATA, **options: Any) -> BlobOutcome:
    options.setdefault("token", TOKEN)
    return repository.upload(digest_of(data), BytesBody(data), **options)


def methods(registry: FakeRegistry, part: str = "/blobs/") -> list[str]:
    return [request.method for request in registry.seen("", part)]


def test_a_new_blob_takes_one_post_and_one_put(registry: FakeRegistry) -> None:
    steps: list[int] = []
    with connected(registry) as repository:
        assert upload(repository, progress=steps.append) == BlobOutcome.UPLOADED
    assert registry.blobs[NAME][DIGEST] == DATA
    assert methods(registry) == ["HEAD", "POST", "PUT", "HEAD"]
    put = registry.seen("PUT")[0]
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.headers["content-length"] == str(len(DATA))
    assert "content-range" not in put.headers
    assert put.argument("digest") == DIGEST
    assert registry.seen("POST")[0].headers["content-length"] == "0"
    assert sum(steps) == len(DATA)
    assert not registry.uploads.sessions


@pytest.mark.parametrize("location", ["relative", "absolute", "query"])
def test_the_location_is_used_as_it_is(registry: FakeRegistry, location: Any) -> None:
    registry.behaviour = behaving("correct", location=location)
    with connected(registry) as repository:
        upload(repository)
    put = registry.seen("PUT")[0]
    assert put.argument("digest") == DIGEST
    assert (put.argument("_state") is not None) == (location == "query")


def test_a_file_is_sent(registry: FakeRegistry, tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(DATA)
    with connected(registry) as repository:
        repository.upload(DIGEST, FileBody(path, len(DATA)), token=TOKEN)
    assert registry.blobs[NAME][DIGEST] == DATA


def test_an_empty_blob_is_sent(registry: FakeRegistry) -> None:
    with connected(registry) as repository:
        assert upload(repository, b"") == BlobOutcome.UPLOADED
        assert upload(repository, b"") == BlobOutcome.PRESENT


def test_what_is_there_costs_one_head(registry: FakeRegistry) -> None:
    registry.add_blob(NAME, DATA)
    with connected(registry) as repository:
        assert upload(repository) == BlobOutcome.PRESENT
    assert methods(registry) == ["HEAD"]


def test_there_with_another_size_is_not_there(registry: FakeRegistry) -> None:
    registry.blobs[NAME][DIGEST] = DATA[:5]
    with connected(registry) as repository:
        assert upload(repository) == BlobOutcome.UPLOADED
    assert registry.blobs[NAME][DIGEST] == DATA


def test_mounted_from_the_first_repository_that_has_it(registry: FakeRegistry) -> None:
    registry.add_blob("lab/second", DATA)
    with connected(registry) as repository:
        assert upload(repository, mount_from=(NAME, "lab/first", "lab/second", "lab/third")) == BlobOutcome.MOUNTED
    assert [request.argument("from") for request in registry.seen("POST")] == ["lab/first", "lab/second"]
    assert registry.blobs[NAME][DIGEST] == DATA
    assert not registry.seen("PUT")
    assert not registry.uploads.sessions, "the session of the first answer was not given back"


def test_t37_at_most_three_repositories_are_asked_for_a_mount(registry: FakeRegistry) -> None:
    with connected(registry) as repository:
        upload(repository, mount_from=[f"lab/r{number}" for number in range(9)])
    assert len(registry.seen("POST")) == 3
    assert not registry.uploads.sessions


def test_a_mount_that_did_not_happen_is_noticed(registry: FakeRegistry) -> None:
    registry.faults.add(method="POST", path="mount=", status=201, headers={"Location": "/v2/x"})
    with connected(registry) as repository:
        assert upload(repository, mount_from=["lab/other"]) == BlobOutcome.UPLOADED
    assert registry.blobs[NAME][DIGEST] == DATA


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_failed_put_is_repeated_in_a_new_session(registry: FakeRegistry, status: int) -> None:
    registry.faults.add(method="PUT", status=status)
    with connected(registry) as repository:
        upload(repository)
    assert registry.blobs[NAME][DIGEST] == DATA
    assert not registry.uploads.sessions
    first, second = registry.seen("PUT")
    assert first.path != second.path


def test_a_put_cut_in_the_middle_is_repeated(registry: FakeRegistry) -> None:
    registry.faults.add(method="PUT", cut_request=50_000, reset=True)
    steps: list[int] = []
    with connected(registry) as repository:
        upload(repository, content(MIB), progress=steps.append)
    assert registry.blobs[NAME][digest_of(content(MIB))] == content(MIB)
    assert sum(steps) == MIB, "bytes sent twice were counted twice"


def test_head_before_a_repetition_finds_the_lost_success(registry: FakeRegistry) -> None:
    registry.faults.add(method="PUT", silent=True, serve=True)
    with connected(registry) as repository:
        assert upload(repository) == BlobOutcome.UPLOADED
    assert len(registry.seen("PUT")) == 1


def test_six_tries_and_no_more(registry: FakeRegistry, clock: FakeClock) -> None:
    registry.faults.add(method="PUT", status=503, times=None)
    with connected(registry, clock=clock) as repository, pytest.raises(ServerError):
        upload(repository)
    assert len(registry.seen("PUT")) == 6
    assert not registry.uploads.sessions
    assert sum(clock.sleeps) < 60


def test_an_outage_while_looking_is_not_multiplied(registry: FakeRegistry) -> None:
    registry.faults.add(method="POST", status=503, times=None)
    with connected(registry) as repository, pytest.raises(ServerError):
        upload(repository)
    assert len(registry.seen("POST")) == 6


def test_denied_is_not_repeated_and_the_session_given_back(registry: FakeRegistry) -> None:
    registry.faults.add(method="PUT", status=403, body="no", times=None)
    with connected(registry) as repository, pytest.raises(AccessDenied):
        upload(repository)
    assert len(registry.seen("PUT")) == 1
    assert not registry.uploads.sessions


def test_t36_a_registry_that_keeps_nothing_is_found_out(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", stores="nothing")
    with connected(registry) as repository, pytest.raises(BadAnswer, match="did not keep"):
        upload(repository)


def test_a_blob_seen_a_little_later_is_waited_for(registry: FakeRegistry, clock: FakeClock) -> None:
    registry.behaviour = behaving("correct", unseen_for=2)
    with connected(registry, clock=clock) as repository:
        assert upload(repository) == BlobOutcome.UPLOADED
    assert len(registry.seen("PUT")) == 1
    assert clock.sleeps


class _Interrupted:
    """A body whose reading is stopped half-way."""

    size = len(DATA)

    def __init__(self, token: CancelToken) -> None:
        self._token = token

    def open(self) -> BinaryIO:
        reader = BytesBody(DATA).open()
        reader.read(0)
        self._token.cancel()
        return reader


@pytest.mark.parametrize("cancel", [204, 405, 500])
def test_i6_stopping_gives_the_session_back_whatever_the_answer(registry: FakeRegistry, cancel: int) -> None:
    if cancel != 204:
        registry.faults.add(method="DELETE", status=cancel)
    token = CancelToken()
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.upload(DIGEST, _Interrupted(token), token=token)
    assert len(registry.seen("DELETE", "/blobs/uploads/")) == 1
    assert not registry.seen("PUT")


@pytest.mark.parametrize("mount_from", [(), ("lab/other",)], ids=["opening", "mounting"])
def test_i6_an_upload_that_is_being_opened_when_it_is_stopped_is_given_back(
    registry: FakeRegistry, mount_from: tuple[str, ...]
) -> None:
    token = CancelToken()

    def stop(reply: Reply) -> Reply:
        token.cancel()
        time.sleep(0.3)  # for the watchdog, which looks every 50 ms
        return reply

    registry.faults.add(method="POST", path="/blobs/uploads/", change=stop)
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.upload(DIGEST, BytesBody(DATA), mount_from=mount_from, token=token)
    assert len(registry.seen("POST")) == len(registry.seen("DELETE", "/blobs/uploads/")) == 1
    assert not registry.uploads.sessions


def test_stopping_does_not_wait_for_a_registry_that_opens_nothing(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_sessions, "_OPENING_S", 0.1)
    token, never = CancelToken(), threading.Event()
    registry.faults.add(method="POST", pause=lambda: (token.cancel(), never.wait(60)), drip_head=True)
    started = time.monotonic()
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.upload(DIGEST, BytesBody(DATA), token=token)
    assert time.monotonic() - started < 30  # half of what a silent registry is given
    never.set()


def test_stopping_does_not_wait_for_a_registry_that_hangs(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_sessions, "_CANCEL_S", 0.1)
    never = threading.Event()
    registry.faults.add(method="DELETE", wait=never)
    token = CancelToken()
    started = time.monotonic()
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.upload(DIGEST, _Interrupted(token), token=token)
    assert time.monotonic() - started < 30
    never.set()


def test_t35_a_body_that_changed_ends_the_upload(registry: FakeRegistry, tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(DATA[:1000])
    with connected(registry) as repository, pytest.raises(StorageFailed):
        repository.upload(DIGEST, FileBody(path, len(DATA)), token=TOKEN)
    assert DIGEST not in registry.blobs[NAME]
    assert not registry.uploads.sessions


def test_t35_other_bytes_than_announced_are_refused_by_the_registry(registry: FakeRegistry) -> None:
    with connected(registry) as repository, pytest.raises(Exception, match="provided digest did not match"):
        repository.upload(DIGEST, BytesBody(content(999)), token=TOKEN)
    assert len(registry.seen("PUT")) == 1


def test_pieces_by_setting(registry: FakeRegistry) -> None:
    steps: list[int] = []
    with connected(registry) as repository:
        upload(repository, content(10_000), chunk_bytes=4000, progress=steps.append)
    sent = [request for request in registry.requests if request.method in ("PATCH", "PUT")]
    ranges = [(request.method, request.headers["content-range"]) for request in sent]
    assert ranges == [("PATCH", "0-3999"), ("PATCH", "4000-7999"), ("PUT", "8000-9999")]
    assert registry.blobs[NAME][digest_of(content(10_000))] == content(10_000)
    assert sum(steps) == 10_000


def test_pieces_are_at_least_as_long_as_the_registry_wants(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", least_chunk=5000)
    with connected(registry) as repository:
        upload(repository, content(12_000), chunk_bytes=1000)
    assert [len(request.body) for request in registry.seen("PATCH")] == [5000, 5000]


def test_a_broken_piece_is_continued_where_the_session_stands(registry: FakeRegistry) -> None:
    registry.faults.add(method="PATCH", nth=3, silent=True)
    steps: list[int] = []
    with connected(registry) as repository:
        upload(repository, content(10_000), chunk_bytes=2000, progress=steps.append)
    starts = [request.headers["content-range"].partition("-")[0] for request in registry.seen("PATCH")]
    assert starts == ["0", "2000", "4000", "4000", "6000"]
    assert [request.path for request in registry.seen("GET", "/uploads/")]
    assert len({request.path for request in registry.seen("PATCH")}) == 1
    assert sum(steps) == 10_000


def test_a_piece_whose_answer_was_lost_is_not_sent_again(registry: FakeRegistry) -> None:
    registry.faults.add(method="PATCH", nth=2, silent=True, serve=True)
    with connected(registry) as repository:
        upload(repository, content(10_000), chunk_bytes=2000)
    starts = [request.headers["content-range"].partition("-")[0] for request in registry.seen("PATCH")]
    assert starts == ["0", "2000", "4000", "6000"]


def test_the_budget_of_tries_counts_anew_when_bytes_get_through(registry: FakeRegistry) -> None:
    for nth in range(2, 22, 2):
        registry.faults.add(method="PATCH", nth=nth, status=503)
    with connected(registry) as repository:
        upload(repository, content(12_000), chunk_bytes=1000)
    assert registry.blobs[NAME][digest_of(content(12_000))] == content(12_000)


def test_no_network_is_reported_as_such(registry: FakeRegistry) -> None:
    registry.faults.add(method="POST", silent=True, times=None)
    with connected(registry) as repository, pytest.raises(NetworkDown):
        upload(repository)


def test_it_works_over_tls_with_tokens(clock: FakeClock) -> None:
    with FakeRegistry(certificate="server", clock=clock) as registry, connected(registry, clock=clock) as repository:
        registry.authority.kind = "bearer"
        registry.add_blob("lab/other", DATA)
        assert upload(repository, mount_from=["lab/other"]) == BlobOutcome.MOUNTED
        assert upload(repository, content(7)) == BlobOutcome.UPLOADED
