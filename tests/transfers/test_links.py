# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How fast a mirror took what was sent to it, measured while uploads overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from transfer_fakes import FakeJob, make_item, make_plan

from core.foundation.places import cache_dir
from core.transfers.journal import Journal
from core.transfers.links import LEAST_BYTES, Link, LinkMeter, keep_link, last_link
from core.transfers.model import ItemState
from core.transfers.queue import TransferQueue

URL = "oci://reg.example.org/hpc/cache"
SIZE = 2 * LEAST_BYTES
Push = Callable[..., None]


class Uploading(FakeJob):
    """Each package takes 4 s to pack and 2 s to send."""

    def __init__(self, plan, now: list[float], size: int) -> None:
        super().__init__(plan)
        self.byte_phases, self.now, self.size = 2, now, size

    def push(self, item, *, again, report, token, pool):
        report.add(item.size_bytes)
        self.now[0] += 4
        report.phase(ItemState.UPLOADING, self.size)
        self.now[0] += 2
        report.add(self.size)
        return self.blobs.get(item.name, "uploaded")


@pytest.fixture
def push(tmp_path: Path, home: Path) -> Push:
    def push(*names: str, size: int = SIZE, source: str = "", present: str = "") -> None:
        now = [0.0]
        plan = make_plan(*(make_item(name) for name in names))
        job = Uploading(replace(plan, mirror_url=URL, source=source), now, size)
        job.blobs = {present: "present"}
        queue = TransferQueue(Journal(tmp_path / "journal"), workers=1, clock=lambda: now[0], wall_clock=lambda: 7.0)
        try:
            assert queue.wait(queue.add(job), 30)
        finally:
            queue.close()

    return push


def test_only_the_time_of_uploads_counts(push: Push) -> None:
    push("a", "b")
    link = last_link(URL + "/")
    assert link == Link(7.0, 2 * SIZE, 4.0)
    assert link.bytes_per_s == SIZE / 2


def test_what_was_there_already_was_not_sent(push: Push) -> None:
    push("a", "b", present="b")
    link = last_link(URL)
    assert link is not None
    assert link.sent == SIZE


@pytest.mark.parametrize("how", [{"size": 10}, {"source": "elsewhere"}, {"present": "a"}])
def test_what_says_nothing_of_the_link_changes_nothing(push: Push, how: dict[str, object]) -> None:
    push("a", **how)
    assert last_link(URL) is None
    push("a")
    known = last_link(URL)
    push("a", **how)
    assert known is not None
    assert last_link(URL) == known


def test_uploads_side_by_side_share_their_seconds() -> None:
    meter = LinkMeter()
    for change, now in ((1, 10.0), (1, 11.0), (-1, 13.0), (-1, 14.0), (1, 20.0), (-1, 21.0)):
        meter.change(change, now)
    assert meter.link(0.0) is None
    meter.sent(SIZE)
    assert meter.link(0.0) == Link(0.0, SIZE, 5.0)


@pytest.mark.parametrize("text", ["", "{}", '{"at": 1, "sent": 1, "seconds": 0}', "\x00"])
def test_a_damaged_file_is_none_and_is_written_anew(home: Path, text: str) -> None:
    keep_link(URL, Link(1.0, SIZE, 1.0))
    (file,) = (cache_dir() / "links").iterdir()
    file.write_text(text)
    assert last_link(URL) is None
    keep_link(URL, Link(2.0, SIZE, 1.0))
    assert last_link(URL) == Link(2.0, SIZE, 1.0)


def test_a_place_that_cannot_be_written_is_no_trouble(home: Path) -> None:
    cache_dir().mkdir(parents=True)
    (cache_dir() / "links").write_text("a file")
    keep_link(URL, Link(1.0, SIZE, 1.0))
    assert last_link(URL) is None
