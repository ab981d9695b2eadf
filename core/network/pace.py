# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The pause that all requests to one server share after a failure."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import RemoteError
from core.network.limits import LONGEST_BACKOFF_S, TRIES
from core.network.retries import is_transient

T = TypeVar("T")

_log = logging.getLogger(__name__)
_FIRST_S = 0.5
_HIGHEST_LEVEL = 7


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when (Unix time) nothing is sent, and why."""

    until: float
    reason: str


class Pace:
    """Grows with failures, decays with successes. Any thread."""

    def __init__(self, clock: Clock, tries: int = TRIES) -> None:
        self._clock = clock
        self._tries = tries
        self._lock = threading.Lock()
        self._level = 0
        self._rounds = 0  # pauses that ended in another failure
        self._rounds_at_success = 0
        self._resume_at = 0.0
        self._reason = ""

    def wait(self, token: CancelToken) -> None:
        """Return when requests may be sent again. Raises Cancelled."""
        while (left := self._left()) > 0:
            self._clock.sleep(left, token)

    def retrying(self, action: Callable[[], T], *, token: CancelToken, position: Callable[[], int] | None = None) -> T:
        """The result of `action`, repeated after failures that may pass; it calls `wait` before each request.

        Up to `tries` tries; they count anew when `position` (bytes safely there) has grown. While nobody gets through,
        what others tried counts as well: else many requests would wait for each other's pauses, one by one. Raises
        what the last try raised, or Cancelled.
        """
        tries, reached, begun = 0, position() if position else 0, self._rounds
        while True:
            token.raise_if_cancelled()
            try:
                result = action()
            except RemoteError as error:
                if position and position() > reached:
                    tries, reached, begun = 0, position(), self._rounds
                tries += 1
                if max(tries, 1 + self._rounds_in_vain(begun)) >= self._tries or not is_transient(error):
                    raise
                _log.debug("try %d failed: %s", tries, error.title)
                self.failed(tries, error.retry_after_s, error.title)
            else:
                self.succeeded()
                return result

    def failed(self, tries: int, asked_s: float | None, reason: str) -> None:
        """A request failed for the `tries`-th time and may be repeated; the server asked to wait `asked_s`."""
        with self._lock:
            now = self._clock.monotonic()
            # What several requests learn from one outage counts once.
            if now >= self._resume_at:
                self._level = min(self._level + 1, _HIGHEST_LEVEL)
                self._rounds += 1
            exponent = max(tries, self._level) - 1
            most = min(LONGEST_BACKOFF_S, _FIRST_S * 2**exponent)
            delay = most * self._clock.random() if asked_s is None else asked_s
            if now + delay > self._resume_at:
                self._resume_at = now + delay
                self._reason = reason

    def succeeded(self) -> None:
        with self._lock:
            self._level = max(0, self._level - 1)
            self._rounds_at_success = self._rounds

    def pause(self) -> Pause | None:
        """The pause we are in, for people."""
        left = self._left()
        return Pause(self._clock.now() + left, self._reason) if left > 0 else None

    def _rounds_in_vain(self, begun: int) -> int:
        """How often everybody waited for nothing since round `begun`."""
        with self._lock:
            return self._rounds - max(begun, self._rounds_at_success)

    def _left(self) -> float:
        with self._lock:
            return self._resume_at - self._clock.monotonic()
