# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Time that passes only when somebody sleeps or a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock

START = 1_700_000_000.0


class FakeClock(Clock):
    """Sleeping moves it on at once. `sleeps` lists how long was asked for; `chance` is what `random` answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0
        self.skew = 0.0
        self.chance = 0.5
        self.sleeps: list[float] = []
        self.before_sleep: Callable[[float], object] | None = None

    def monotonic(self) -> float:
        with self._lock:
            return 1000.0 + self._passed

    def now(self) -> float:
        with self._lock:
            return START + self._passed + self.skew

    def sleep(self, seconds: float, token: CancelToken) -> None:
        token.raise_if_cancelled()
        if self.before_sleep is not None:
            self.before_sleep(seconds)
            token.raise_if_cancelled()
        self.sleeps.append(seconds)
        self.advance(seconds)

    def random(self) -> float:
        return self.chance

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(0.0, seconds)
