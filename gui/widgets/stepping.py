# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs long work in steps between the events of the window."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer

_BURST_S = 0.005


class Stepper(QObject):
    """Advances one iterator at a time, for some milliseconds whenever the window has nothing else to do."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_idle)

    def run(self, steps: Iterator[object]) -> None:
        """Go on with `steps` from now on, instead of what ran before."""
        self._steps = steps
        self._timer.start()

    def stop(self) -> None:
        """Forget what is not done yet."""
        self._steps = None
        self._timer.stop()

    @property
    def running(self) -> bool:
        return self._steps is not None

    def _on_idle(self) -> None:
        until = time.monotonic() + _BURST_S
        while self._steps is not None and time.monotonic() < until:
            steps = self._steps
            try:
                next(steps)
            except StopIteration:
                if self._steps is steps:
                    self.stop()
