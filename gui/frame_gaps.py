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

    `recorded` gets one sentence when recording ends.
    """

    recorded = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.longest_ms = 0.0
        self._counts: Counter[int] = Counter()  # by whole milliseconds, so that hours of recording need no memory
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def record(self, wanted: bool) -> None:
        """Begin anew, or stop and tell."""
        if wanted:
            self._counts.clear()
            self.longest_ms = 0.0
            self._last = time.perf_counter()
            self._timer.start()
        elif self._timer.isActive():
            self._timer.stop()
            self._tick()
            self.recorded.emit(self.summary())

    def percentile_ms(self, share: float) -> int:
        """The gap in milliseconds that this share of all gaps does not exceed."""
        left = share * self._counts.total()
        for gap in sorted(self._counts):
            left -= self._counts[gap]
            if left <= 0:
                return gap
        return 0

    def summary(self) -> str:
        late = sum(count for gap, count in self._counts.items() if gap > _LATE_MS)
        most = self.percentile_ms(0.99)
        return messages.frame_gaps(self.longest_ms, most, late, self._counts.total(), _LATE_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        gap = max(0.0, (now - self._last) * 1000 - _INTERVAL_MS)
        self._last = now
        self.longest_ms = max(self.longest_ms, gap)
        self._counts[round(gap)] += 1
