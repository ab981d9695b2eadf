# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How fast something moves and how long it will take, from counters that are only ever added to.

Workers add bytes; whoever shows progress polls. Nothing here sleeps or knows threads: the owner holds the lock.
"""

from __future__ import annotations

from collections import deque

_WINDOW_S = 20
_SILENT_START_S = 5.0
_STALLED_S = 5.0


class RateMeter:
    """Bytes per second over a sliding window of one-second buckets.

    Says nothing (None) during the first seconds, when the number would only mislead, and when nothing has moved for a
    while, when an old rate would promise an end that does not come.
    """

    def __init__(self, now: float) -> None:
        self._started = now
        self._last = now
        self._buckets: deque[tuple[int, int]] = deque()

    def add(self, count: int, now: float) -> None:
        second = int(now)
        if self._buckets and self._buckets[-1][0] == second:
            self._buckets[-1] = (second, self._buckets[-1][1] + count)
        else:
            self._buckets.append((second, count))
        self._last = now
        self._forget(now)

    def rate_bps(self, now: float) -> float | None:
        if now - self._started < _SILENT_START_S or now - self._last > _STALLED_S:
            return None
        self._forget(now)
        span = min(now - self._started, _WINDOW_S)
        return sum(count for _, count in self._buckets) / span

    def left_s(self, remaining: int, now: float) -> float | None:
        rate = self.rate_bps(now)
        return remaining / rate if rate else None

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] < now - _WINDOW_S:
            self._buckets.popleft()
