# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sending the beginning of a blob while its file is still being written."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from registry.clients import NAME, connected, content
from registry.kit.behaviour import PROFILES, behaving
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import Cancelled
from core.network.bodies import FileBody
from core.registry import early as module
from core.registry.early import EarlyUpload
from core.registry.repository import BlobOutcome, Repository

MIB = 1 << 20
DATA = content(5 * MIB)
DIGEST = digest_of(DATA)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large elsewhere is a megabyte here."""
    monkeypatch.setattr(module, "_LEAST_BYTES", MIB)
    monkeypatch.setattr(module, "_LEAST_PIECE_BYTES", MIB)


class Writing:
    """A file that grows by a megabyte at a time; each is waited for until the registry has it, if it takes any."""

    def __init__(self, registry: FakeRegistry, path: Path) -> None:
        self.registry = registry
        self.path = path
        self.reported = 0
        self.lock = threading.Lock()

    def report(self, count: int) -> None:
        with self.lock:
            self.reported += count

    def run(self, early: EarlyUpload, mebibytes: int = 5) -> None:
        with self.path.open("wb", buffering=0) as file:
            for number in range(mebibytes):
                file.write(DATA[number * MIB : (number + 1) * MIB])
                early.follow(self.path, (number + 1) * MIB)
                self.wait_for(number)

    def wait_for(self, pieces: int) -> None:
        """Wait until so many were sent, or none is any more."""
        for _ in range(2000):
            threads = [one for one in threading.enumerate() if one.name == "early-upload"]
            if len(self.registry.seen("PATCH")) >= pieces or not threads:
                return
            threads[0].join(0.005)
        raise AssertionError("nothing moves")


@pytest.fixture
def writing(registry: FakeRegistry, tmp_path: Path) -> Writing:
    return Writing(registry, tmp_path / "blob")


def upload(repository: Repository, writing: Writing, *, token: CancelToken | None = None) -> tuple[BlobOutcome, int]:
    """Write and send; what was reported to the progress of the upload."""
    token = token or CancelToken()
    progress: list[int] = []
    early = repository.early_upload(token, writing.report)
    if early is None:
        writing.path.write_bytes(DATA)
        outcome = repository.upload(DIGEST, FileBody(writing.path, len(DATA)), token=token, progress=progress.append)
        return outcome, sum(progress)
    with early:
        writing.run(early)
        body = FileBody(writing.path, len(DATA))
        outcome = repository.upload(DIGEST, body, token=token, progress=progress.append, early=early)
    return outcome, sum(progress)


def test_most_is_there_before_the_end_is_written(registry: FakeRegistry, writing: Writing) -> None:
    with connected(registry) as repository:
        assert upload(repository, writing) == (BlobOutcome.UPLOADED, len(DATA))
    assert registry.blobs[NAME][DIGEST] == DATA
    assert len(registry.seen("PATCH")) >= 4
    assert len(registry.seen("POST")) == len(registry.seen("PUT")) == 1
    assert len(registry.seen("PUT")[0].body) < 2 * MIB
    assert writing.reported >= 3 * MIB


@pytest.mark.parametrize("profile", PROFILES)
def test_whatever_the_registry_does_with_pieces_the_blob_is_whole(
    registry: FakeRegistry, writing: Writing, profile: str
) -> None:
    registry.behaviour = behaving(profile)
    with connected(registry) as repository:
        assert upload(repository, writing)[0] is BlobOutcome.UPLOADED
        assert registry.blobs[NAME][DIGEST] == DATA
        assert registry.behaviour.cancel is False or registry.uploads.sessions == {}


@pytest.mark.parametrize("profile", ["gar", "artifactory"])
def test_where_pieces_do_not_work_they_are_tried_once(registry: FakeRegistry, writing: Writing, profile: str) -> None:
    registry.behaviour = behaving(profile)
    with connected(registry) as repository:
        upload(repository, writing)
        assert repository.early_upload(CancelToken(), writing.report) is None


def test_a_session_that_is_lost_costs_only_time(registry: FakeRegistry, writing: Writing) -> None:
    with connected(registry) as repository, writing_early(repository, writing) as early:
        writing.run(early)
        registry.uploads.sessions.clear()
        body = FileBody(writing.path, len(DATA))
        progress: list[int] = []
        repository.upload(DIGEST, body, token=CancelToken(), progress=progress.append, early=early)
        assert sum(progress) == len(DATA)
    assert registry.blobs[NAME][DIGEST] == DATA


def writing_early(repository: Repository, writing: Writing) -> EarlyUpload:
    early = repository.early_upload(CancelToken(), writing.report)
    assert early is not None
    return early


def test_a_broken_line_while_packing_is_no_trouble(registry: FakeRegistry, writing: Writing) -> None:
    registry.faults.add(method="PATCH", nth=2, cut_request=1000)
    with connected(registry) as repository:
        assert upload(repository, writing) == (BlobOutcome.UPLOADED, len(DATA))
    assert registry.blobs[NAME][DIGEST] == DATA
    assert registry.uploads.sessions == {}


def test_what_is_there_by_then_is_not_sent_again(registry: FakeRegistry, writing: Writing) -> None:
    with connected(registry) as repository, writing_early(repository, writing) as early:
        writing.run(early)
        registry.add_blob(NAME, DATA)
        body = FileBody(writing.path, len(DATA))
        assert repository.upload(DIGEST, body, token=CancelToken(), early=early) is BlobOutcome.PRESENT
    assert registry.uploads.sessions == {}
    assert registry.seen("PUT") == []


def test_packing_that_fails_gives_the_upload_back(registry: FakeRegistry, writing: Writing) -> None:
    with connected(registry) as repository, writing_early(repository, writing) as early:
        writing.run(early, 3)
        assert registry.uploads.sessions
    assert registry.uploads.sessions == {}


def test_whoever_stops_waits_for_no_piece(registry: FakeRegistry, writing: Writing) -> None:
    token, held = CancelToken(), threading.Event()
    registry.faults.add(method="PATCH", nth=2, wait=held)
    with connected(registry) as repository:
        early = repository.early_upload(token, writing.report)
        assert early is not None
        with early:
            writing.run(early, 3)
            token.cancel()
            with pytest.raises(Cancelled):
                repository.upload(DIGEST, FileBody(writing.path, len(DATA)), token=token, early=early)
        held.set()
    assert [one.name for one in threading.enumerate() if one.name == "early-upload"] == []


def test_small_blobs_go_at_once(registry: FakeRegistry, writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BYTES", 64 * MIB)
    with connected(registry) as repository:
        assert upload(repository, writing) == (BlobOutcome.UPLOADED, len(DATA))
    assert registry.seen("PATCH") == []
    assert writing.reported == 0
