# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plans and jobs that move nothing real."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from core.caches.protocol import CacheEntry, Completed, EntryName, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.errors import NoSpace
from core.transfers.model import ItemState
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan


def make_item(name: str, *, size: int = 100, decision: Decision = Decision.PUSH) -> PlanItem:
    dag_hash = name.ljust(32, "a")
    return PlanItem(dag_hash, name, "1.0", decision, size_bytes=size)


def make_plan(*items: PlanItem, update_index: bool = False, fail_fast: bool = False, mirror: str = "m") -> PushPlan:
    options = PushOptions(update_index=update_index, fail_fast=fail_fast)
    return PushPlan(
        id=uuid.uuid4().hex,
        instance_id="i",
        mirror=mirror,
        mirror_url="file:///m",
        items=items,
        options=options,
        selected=len(items),
    )


def make_entry(item: PlanItem) -> CacheEntry:
    name = EntryName(item.name, item.version, item.hash)
    return CacheEntry(name, "sha256:" + "0" * 64, "sha256:" + "1" * 64, "sha256:" + "2" * 64, 10, 20, False, 0.0)


class FakeJob:
    """Does what `behave[name]` says for a package (default: counts its bytes); remembers the order."""

    def __init__(self, plan: PushPlan, behave: dict[str, Callable[[FakeJob, CancelToken], None]] | None = None) -> None:
        self.plan = plan
        self.byte_phases = 1
        self.first_state = ItemState.PACKING
        self.needed: dict[str, set[str]] = {}
        self.behave = behave or {}
        self.order: list[str] = []
        self.completed: list[str] = []
        self.missing: dict[str, tuple[str, ...]] = {}
        self.blobs: dict[str, str] = {}
        self.again: list[str] = []
        self.gate = threading.Event()
        self.reached = threading.Event()

    def push(self, item, *, again, report, token, pool):
        self.order.append(item.name)
        if again:
            self.again.append(item.name)
        report.add(item.size_bytes)
        if item.name in self.behave:
            self.behave[item.name](self, token)
        if self.byte_phases > 1:
            report.phase(ItemState.UPLOADING, 10)
            report.add(10)
        return self.blobs.get(item.name, "uploaded")

    def needs(self, item):
        return {name.ljust(32, "a") for name in self.needed.get(item.name, ())}

    def complete(self, item, *, token):
        self.completed.append(item.name)
        if f"{item.name} completed" in self.behave:
            self.behave[f"{item.name} completed"](self, token)
        return Completed(make_entry(item), self.missing.get(item.name, ()))

    def update_index(self, *, report, token):
        self.order.append("index")
        return IndexUpdate(1, 1, 0, (), "sha256:" + "3" * 64)


def fail(_job: FakeJob, _token: CancelToken) -> None:
    raise NoSpace("Could not write", "/full: No space left on device")


def wait_for_gate(job: FakeJob, _token: CancelToken) -> None:
    job.reached.set()
    assert job.gate.wait(30)


def wait_until_cancelled(job: FakeJob, token: CancelToken) -> None:
    job.reached.set()
    while not token.cancelled:
        threading.Event().wait(0.001)
    token.raise_if_cancelled()
