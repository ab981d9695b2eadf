# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Time and chance, passed to whatever waits, so that tests need not."""

from __future__ import annotations

import random
import time

from core.foundation.cancel import CancelToken


class Clock:
    """The real one. Any thread."""

    def monotonic(self) -> float:
        """Seconds since some point in the past; never jumps."""
        return time.monotonic()

    def now(self) -> float:
        """Unix time in seconds; may jump."""
        return time.time()

    def sleep(self, seconds: float, token: CancelToken) -> None:
        """Wait that long. Raises Cancelled as soon as `token` is."""
        token.wait(seconds)
        token.raise_if_cancelled()

    def random(self) -> float:
        """Anything from 0 up to, not including, 1."""
        return random.random()  # noqa: S311 - spreads retries, hides nothing
