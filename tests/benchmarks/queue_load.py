# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue alone: many packages to several mirrors, with jobs that move nothing.

All but "run" is the CPU time of this process, the window's requests and what the engine does ten times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from core.caches.protocol import CacheEntry, Completed, EntryName, IndexUpdate
from core.foundation.cancel import CancelToken
from core.transfers.job import Report
from core.transfers.journal import Journal
from core.transfers.journal_reader import unfinished
from core.transfers.model import ItemState, Move
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan
from core.transfers.queue import TransferQueue

WORKERS = 4
TICK_S = 0.1
ROWS_AT_ONCE = 1000
DIGEST = "sha256:" + "0" * 64


@dataclass
class InstantJob:
    """Every package is there at once; needs its predecessor, as layers of images do."""

    plan: PushPlan
    byte_phases = 1
    first_state = ItemState.PACKING

    def push(self, item: PlanItem, *, again: bool, report: Report, token: CancelToken, pool: object) -> str:
        report.add(item.size_bytes)
        return ""

    def needs(self, item: PlanItem) -> tuple[str, ...]:
        number = int(item.hash[:6])
        return tuple(f"{number - step:06}".ljust(32, "a") for step in (1, 2) if number >= step)

    def complete(self, item: PlanItem, *, token: CancelToken) -> Completed:
        name = EntryName(item.name, item.version, item.hash)
        return Completed(CacheEntry(name, DIGEST, DIGEST, DIGEST, 10, 20, False, 0.0), ())

    def write_tag(self, *_: object, **__: object) -> str:
        raise AssertionError

    def update_index(self, *, report: Report, token: CancelToken) -> IndexUpdate:
        return IndexUpdate(1, 1, 0, (), DIGEST)


def plan_of(packages: int, mirror: str) -> PushPlan:
    items = tuple(
        PlanItem(f"{number:06}".ljust(32, "a"), f"package-{number}", "1.0", Decision.PUSH, size_bytes=1000 + number)
        for number in range(packages)
    )
    options = PushOptions(update_index=True)
    return PushPlan(mirror, "instance", mirror, f"file:///{mirror}", items, options, packages)


def resident_mb() -> float:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1000


def spent(work: Callable[[], object]) -> float:
    """CPU milliseconds."""
    start = time.process_time()
    work()
    return round((time.process_time() - start) * 1000, 1)


def measure(packages: int, mirrors: int, place: Path) -> dict[str, float]:
    before = resident_mb()
    queue = TransferQueue(Journal(place), workers=WORKERS)
    found: dict[str, Any] = {}
    try:
        queue.pause(True)
        jobs = [InstantJob(plan_of(packages, f"mirror-{number}")) for number in range(mirrors)]
        found["add ms"] = spent(lambda: [queue.add(job) for job in jobs])
        queue.watch()
        sent = b""

        def show() -> None:
            nonlocal sent
            sent = msgspec.json.encode(queue.snapshot(ROWS_AT_ONCE))

        found["first snapshot ms"] = spent(show)
        found["first snapshot MB"] = len(sent) / 1e6
        found["snapshot without news ms"] = spent(show)
        ids = [f"mirror-0:{item.hash}" for item in jobs[0].plan.items]
        found["pause all of a mirror ms"] = spent(lambda: queue.pause_rows(ids, True))
        found["resume them ms"] = spent(lambda: queue.pause_rows(ids, False))
        found["move half to the front ms"] = spent(lambda: queue.move(ids[::2], Move.NEXT))
        found["move half up by one ms"] = spent(lambda: queue.move(ids[::2], Move.UP))
        found["stop all ms"] = spent(queue.stop)
        found["retry all ms"] = spent(queue.retry)
        found |= run(queue, [job.plan.id for job in jobs])
        found["memory MB"] = resident_mb() - before
        found["stop all when done ms"] = spent(queue.stop)
    finally:
        queue.close()
    return found | again(packages, mirrors, place)


def run(queue: TransferQueue, ids: list[str]) -> dict[str, float]:
    """All of it moves while somebody looks ten times a second."""
    ticks: list[float] = []
    sizes: list[int] = []
    began, spent_before = time.monotonic(), time.process_time()
    queue.pause(False)
    while not all(queue.wait(push_id, TICK_S / len(ids)) for push_id in ids):
        # Time of this thread alone: the others go on meanwhile.
        start = time.thread_time()
        sizes.append(len(msgspec.json.encode(queue.snapshot(ROWS_AT_ONCE))))
        ticks.append((time.thread_time() - start) * 1000)
    found = {"run s": time.monotonic() - began, "run CPU s": time.process_time() - spent_before}
    if ticks:
        found |= {"worst snapshot ms": max(ticks), "mean snapshot ms": sum(ticks) / len(ticks)}
        found["largest snapshot MB"] = max(sizes) / 1e6
    return found


def again(packages: int, mirrors: int, place: Path) -> dict[str, float]:
    """A journal of a process that died in the middle of it all."""
    journal = Journal(place)
    queue = TransferQueue(journal, workers=1)
    queue.pause(True)
    for number in range(mirrors):
        queue.add(InstantJob(plan_of(packages, f"mirror-{number}")))
    path = journal.path
    queue.close()
    size = path.stat().st_size if path else 0
    return {"journal MB": size / 1e6, "look at a journal ms": spent(lambda: unfinished(place))}
