# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What jobs say about their rows while they move, on its way to whoever looks at the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.transfers.limits import Bandwidth
from core.transfers.model import ItemState
from core.transfers.news import News
from core.transfers.progress import OverallProgress
from core.transfers.rows import Row

_SHARED_BANDWIDTH = (ItemState.UPLOADING, ItemState.COPYING)


@dataclass(frozen=True, slots=True)
class Counters:
    """Where all rows of a queue are counted. `lock` guards everything but `bandwidth`, which has its own."""

    lock: threading.Condition
    clock: Callable[[], float]
    news: News
    overall: OverallProgress
    bandwidth: Bandwidth


class RowReport:
    """The `Report` of one row."""

    def __init__(self, row: Row, counters: Counters) -> None:
        self._row = row
        self._counters = counters
        self._paid = 0

    def phase(self, state: ItemState, total_bytes: int | None = None) -> None:
        row, counters = self._row, self._counters
        with counters.lock:
            now = counters.clock()
            if total_bytes is not None:
                row.phases_done += 1
                row.begin(total_bytes, now)
            row.push.change(row, state, now)
            counters.news.add((row,))
            if state is ItemState.UPLOADING:
                counters.lock.notify_all()  # it makes room for the next package

    def add(self, count: int) -> None:
        """Waits while the bandwidth is used up, as long as the row is not stopped."""
        row, counters, paid = self._row, self._counters, 0
        if row.state in _SHARED_BANDWIDTH:
            with counters.lock:
                paid = min(count, self._paid)
                self._paid -= paid
            counters.bandwidth.spend(count - paid, row.token)
        with counters.lock:
            now, before = counters.clock(), row.weight_done
            row.done_bytes += count
            if row.total_bytes is not None:
                row.done_bytes = min(row.done_bytes, row.total_bytes)
            if row.meter is not None:
                row.meter.add(count - paid, now)
            counters.overall.meter.add(int(row.weight_done - before), now)

    def early(self, count: int) -> None:
        with self._counters.lock:
            self._paid += count
            self._row.early_bytes += count
        self._counters.bandwidth.spend(count, self._row.token)

    def original(self, lost: str = "") -> None:
        self._row.kept, self._row.note = not lost, lost
