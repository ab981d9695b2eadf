# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A queue that lives for weeks keeps nothing of what was cleared away."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter

import pytest
from transfer_fakes import FakeJob, fail, make_item, make_plan

from core.transfers.journal import Journal
from core.transfers.queue import TransferQueue

PUSHES = 40
COUNTED = {"CancelToken", "Push", "Row", "FakeJob", "PlanItem", "PushPlan", "TransferRow", "ErrorInfo"}


def alive() -> Counter[str]:
    gc.collect()
    names = (type(thing).__name__ for thing in gc.get_objects())
    return Counter(name for name in names if name in COUNTED)


def test_nothing_of_pushes_that_were_cleared_is_kept(tmp_path) -> None:
    before = alive()
    queue = TransferQueue(Journal(tmp_path), workers=2)
    queue.watch()
    try:
        push_some(queue, PUSHES)
        give_up = time.monotonic() + 30
        while (kept := alive() - before) and time.monotonic() < give_up:
            pass  # a worker may still be on its way back from the last row
        assert kept == Counter()
    finally:
        queue.close()


def test_memory_is_given_back_when_nothing_is_left_to_do(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = FakeJob(make_plan(*map(make_item, ("first", "second", "third"))))
    moved: list[int] = []
    given_back = threading.Event()

    def trim_heap() -> None:
        moved.append(len(job.order))
        given_back.set()

    monkeypatch.setattr("core.transfers.queue.trim_heap", trim_heap)
    queue = TransferQueue(Journal(tmp_path), workers=1)
    try:
        queue.add(job)
        assert given_back.wait(30)
        assert moved == [3]
    finally:
        queue.close()


def push_some(queue: TransferQueue, count: int) -> None:
    for number in range(count):
        items = [
            make_item(f"{name}-{number}", size=size) for size, name in enumerate(("good", "bad", "stopped"), start=1)
        ]
        job = FakeJob(make_plan(*items, update_index=True), {f"bad-{number}": fail})
        queue.pause(True)
        queue.add(job)
        queue.stop([f"{job.plan.id}:{items[2].hash}"])
        queue.pause(False)
        assert queue.wait(job.plan.id, 30)
        queue.retry([f"{job.plan.id}:{items[2].hash}"])
        assert queue.wait(job.plan.id, 30)
        queue.snapshot()
        queue.clear()
        queue.snapshot()
