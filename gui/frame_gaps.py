# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How long the window kept its event loop from running: what a person feels as stutter."""

from __future__ import annotations

import time
from collections import Counter

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from gui import messages

_INTERVAL_MS = 4
_LATE_MS = 16


class FrameGaps(QObject):
    """Looks 250 times a second whether the loop still comes round; costs about 1 % of a core while it does.

    A gap is the time the loop did not come round; the work in it is the CPU time of this thread meanwhile. A long gap
    with little work is the fault of other programs, or of waiting. `recorded` gets one sentence when recording ends.
    """

    recorded = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.longest_ms = 0.0
        self.most_work_ms = 0.0
        self._gaps: Counter[int] = Counter()  # by whole milliseconds, so that hours of recording need no memory
        self._works: Counter[int] = Counter()
        self._last = self._last_work = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def record(self, wanted: bool) -> None:
        """Begin anew, or stop and tell."""
        if wanted:
            self._gaps.clear()
            self._works.clear()
            self.longest_ms = self.most_work_ms = 0.0
            self._last, self._last_work = time.perf_counter(), time.thread_time()
            self._timer.start()
        elif self._timer.isActive():
            self._timer.stop()
            self._tick()
            self.recorded.emit(self.summary())

    def percentile_ms(self, share: float) -> int:
        """The gap in milliseconds that this share of all gaps does not exceed."""
        return _percentile(self._gaps, share)

    def work_percentile_ms(self, share: float) -> int:
        """As `percentile_ms`, of the work in the gaps."""
        return _percentile(self._works, share)

    def summary(self) -> str:
        late = sum(count for gap, count in self._gaps.items() if gap > _LATE_MS)
        most, total = self.percentile_ms(0.99), self._gaps.total()
        return messages.frame_gaps(
            self.longest_ms, most, late=late, count=total, limit_ms=_LATE_MS, work_ms=self.most_work_ms
        )

    def _tick(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        gap = max(0.0, (now - self._last) * 1000 - _INTERVAL_MS)
        done = (work - self._last_work) * 1000
        self._last, self._last_work = now, work
        self.longest_ms, self.most_work_ms = max(self.longest_ms, gap), max(self.most_work_ms, done)
        self._gaps[round(gap)] += 1
        self._works[round(done)] += 1


def _percentile(counts: Counter[int], share: float) -> int:
    left = share * counts.total()
    for milliseconds in sorted(counts):
        left -= counts[milliseconds]
        if left <= 0:
            return milliseconds
    return 0
