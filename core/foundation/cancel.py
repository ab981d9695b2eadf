# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Asking work to stop. Work checks its token between small steps; nothing is ever killed."""

from __future__ import annotations

import threading

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
        if self._event.is_set():
            raise Cancelled
