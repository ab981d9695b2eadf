# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much may happen at once: checks of the numbers, and the bandwidth that transfers share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.foundation.settings import LEAST_BYTES_PER_S, MOST_PARALLEL
from core.transfers.model import TransferLimits

_BURST_S = 1.0


def check_limits(limits: TransferLimits) -> None:
    """Raise UsageError for numbers that make no sense."""
    title = "These limits cannot be set"
    if not 1 <= limits.parallel <= MOST_PARALLEL:
        raise UsageError(title, f"Between 1 and {MOST_PARALLEL} transfers can move at the same time")
    if limits.per_mirror is not None and limits.per_mirror < 1:
        raise UsageError(title, "At least one transfer to each mirror has to move")
    if limits.bytes_per_s is not None and limits.bytes_per_s < LEAST_BYTES_PER_S:
        raise UsageError(title, f"Servers end connections slower than {LEAST_BYTES_PER_S // 1000} kB/s")


class Bandwidth:
    """A token bucket: whoever moved bytes waits until they are paid for. Any thread; the rate may change any time."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[CancelToken, float], bool] = CancelToken.wait,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._rate: int | None = None
        self._saved = 0.0
        self._at = 0.0

    def set(self, bytes_per_s: int | None) -> None:
        """From now on; None: no limit. Who waits already, waits as before."""
        with self._lock:
            self._rate = bytes_per_s
            self._saved, self._at = 0.0, self._clock()

    def spend(self, count: int, token: CancelToken) -> None:
        """Wait for as long as `count` bytes take at the rate, less what was not used before. Ends with `token`."""
        with self._lock:
            if self._rate is None:
                return
            now = self._clock()
            earned = (now - self._at) * self._rate
            self._saved = min(self._saved + earned, _BURST_S * self._rate) - count
            self._at = now
            wait_s = -self._saved / self._rate
        if wait_s > 0:
            self._sleep(token, wait_s)
