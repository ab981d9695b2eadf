# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes of images as the queue drives them: what is there in the end, whatever the order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from oci_lab import ALL, BY_HASH, Lab, closure, entry_of, hash_of, tag_of

from core.caches.oci.image import INCOMPLETE
from core.caches.protocol import Completed
from core.foundation.cancel import CancelToken
from core.transfers.journal import Journal
from core.transfers.model import ItemState
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan
from core.transfers.queue import TransferQueue


class LabJob:
    """Uploads and completes packages of the lab; the real job would pack directories first."""

    def __init__(self, lab: Lab, names: Collection[str] = ALL) -> None:
        self._lab = lab
        self._push, self.pushing, self.completing = lab.begin(names)
        self.byte_phases = self._push.byte_phases
        self.first_state = ItemState.PACKING
        decisions = dict.fromkeys(self.pushing, Decision.PUSH) | dict.fromkeys(self.completing, Decision.COMPLETE)
        items = [
            PlanItem(hash_of(name), name, "1", decisions.get(name, Decision.PRESENT), size_bytes=1) for name in names
        ]
        self.plan = PushPlan("p", "i", "m", "oci://m", tuple(items), PushOptions(), len(items))
        self._push.prepare(CancelToken())

    def push(self, item, *, again, report, token, pool) -> str:
        if again and self._push.find(entry_of(item.name), token=token):
            return "present"
        return self._lab.upload(self._push, item.name, token=token)

    def needs(self, item) -> Collection[str]:
        return self._push.needs(item.hash)

    def complete(self, item, *, token) -> Completed:
        return self._push.complete(item.hash, token=token)


@pytest.fixture(params=[1, 4])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TransferQueue]:
    queue = TransferQueue(Journal(tmp_path / "journal"), workers=request.param)
    yield queue
    queue.close()


def states(queue: TransferQueue) -> dict[str, ItemState]:
    return {row.name: row.state for row in queue.outcome("p").rows}


def missing(queue: TransferQueue) -> dict[str, set[str]]:
    return {row.name: {BY_HASH[one].name for one in row.missing} for row in queue.outcome("p").rows if row.missing}


def test_each_image_is_written_once_with_all_its_layers(lab: Lab, queue: TransferQueue) -> None:
    queue.add(LabJob(lab))
    assert queue.wait("p", 30)
    assert states(queue) == dict.fromkeys(ALL, ItemState.DONE)
    assert missing(queue) == {}
    written = [one.rpartition("/")[2] for one in lab.writes() if "/manifests/" in one]
    assert sorted(written) == sorted(tag_of(name) for name in ALL)
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]


def test_a_retry_completes_the_images_that_were_written_without(lab: Lab, queue: TransferQueue) -> None:
    lab.fail_blob("labz")
    lab.registry.faults.add(method="PUT", path=f"/manifests/{tag_of('labdata')}", status=403, times=None)
    queue.add(LabJob(lab))
    assert queue.wait("p", 30)
    failed = {name for name, state in states(queue).items() if state is ItemState.FAILED}
    assert failed == {"labz", "labdata"}
    assert missing(queue) == {"labtool": {"labz"}, "labfmt": {"labz"}}
    assert lab.layers("labtool") == ["labfmt", "labdata", "labtool"]

    lab.registry.faults.clear()
    queue.retry()
    assert queue.wait("p", 30)
    assert states(queue) == dict.fromkeys(ALL, ItemState.DONE)
    assert missing(queue) == {}
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]
    assert INCOMPLETE not in lab.manifest(tag_of("labfmt"))["annotations"]


def test_images_that_are_only_completed_wait_for_what_comes(lab: Lab, queue: TransferQueue) -> None:
    lab.push("labtool", "labdata", selected=closure("labtool"))
    queue.add(job := LabJob(lab))
    assert job.completing == ["labtool"]
    assert queue.wait("p", 30)
    assert states(queue) == dict.fromkeys(ALL, ItemState.DONE) | {"labdata": ItemState.PRESENT}
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]
