# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The thin line which says that newer data is on its way."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.widgets.motion import motion_wanted

_HEIGHT = 3
_TICK_MS = 40
_STEP = 0.02


class RefreshLine(QWidget):
    """Two pixels that keep their place when nothing is refreshed, so the page never jumps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._running = False
        self._position = 0.35
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)

    @property
    def running(self) -> bool:
        return self._running

    def set_running(self, running: bool) -> None:
        self._running = running
        if running and motion_wanted():
            self._timer.start()
        else:
            self._timer.stop()
        self.update()

    def _on_tick(self) -> None:
        self._position = (self._position + _STEP) % 1.3
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(100, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._running:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("track"))
        painter.drawRect(QRectF(0, 0, self.width(), 2))
        part = self.width() * 0.3
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(QRectF(self._position * self.width() - part, 0, part, 2), 1, 1)
