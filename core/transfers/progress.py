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


class OverallProgress:
    """Progress of everything since the queue was last idle. Rows that ended, however, count in full; a retry adds its
    bytes to the total again. What begins anew does not take back what was shown: the bar never runs backwards."""

    def __init__(self, now: float) -> None:
        self.meter = RateMeter(now)
        self._settled = 0
        self._total = 0
        self._shown = 0

    def expect(self, size: int, idle: bool, now: float) -> None:
        if idle:
            self.meter = RateMeter(now)
            self._settled = self._total = self._shown = 0
        self._total += size

    def settled(self, size: int) -> None:
        self._settled += size

    def figures(self, moving: int, now: float) -> tuple[int, int, float | None, float | None]:
        """Bytes done, bytes in all, rate, seconds left."""
        self._shown = min(max(self._shown, self._settled + moving), self._total)
        done = self._shown
        return done, self._total, self.meter.rate_bps(now), self.meter.left_s(self._total - done, now)
