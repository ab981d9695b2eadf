# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Asking work to stop. Work checks its token between small steps; nothing is ever killed."""

from __future__ import annotations

import threading
import time

from core.foundation.errors import Cancelled


class CancelToken:
    """Thread-safe; set once, never reset."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait that long, or less if it is cancelled meanwhile: then True."""
        return self._event.wait(seconds)

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled


class LaterToken(CancelToken):
    """Is cancelled `seconds` after `token`: for what should still come to its end, if that is soon. Any thread."""

    _LOOK_EVERY_S = 0.05

    def __init__(self, token: CancelToken, seconds: float) -> None:
        super().__init__()
        self._token = token
        self._seconds = seconds
        self._seen_at: float | None = None

    @property
    def cancelled(self) -> bool:
        if self._token.cancelled and not self._event.is_set():
            now = time.monotonic()
            if self._seen_at is None:
                self._seen_at = now
            if now - self._seen_at >= self._seconds:
                self.cancel()
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self.cancelled and (left := deadline - time.monotonic()) > 0:
            super().wait(min(left, self._LOOK_EVERY_S))
        return self.cancelled
