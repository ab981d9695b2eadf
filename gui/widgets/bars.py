# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rounded bars, as a painting function and as a widget."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleValueChangeEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme


def paint_bar(painter: QPainter, room: QRectF, share: float | None, tone: str = "accent") -> None:
    """A bar filling `room`; `share` is 0.0 to 1.0, None shows three quiet dots of an unknown total."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = room.height() / 2
    painter.setBrush(theme.color("track"))
    painter.drawRoundedRect(room, radius, radius)
    painter.setBrush(theme.color(tone))
    if share is None:
        for place in (0.2, 0.5, 0.8):
            painter.drawEllipse(QRectF(room.left() + place * room.width() - radius, room.top(), 2 * radius, 2 * radius))
    elif share > 0:
        filled = QRectF(room)
        filled.setWidth(max(room.height(), room.width() * min(share, 1.0)))
        painter.drawRoundedRect(filled, radius, radius)
    painter.restore()


class Bar(QWidget):
    """A bar of its own. Name it with `setAccessibleName`; screen readers hear its per cent in steps of 25."""

    def __init__(self, height: int = theme.BAR_OVERALL, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._height = height
        self._share: float | None = 0.0
        self._tone = "accent"
        self._announced = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def share(self) -> float | None:
        return self._share

    def set_share(self, share: float | None, tone: str = "accent") -> None:
        """Show `share` (0.0 to 1.0, None while the total is unknown) in the colour of token `tone`."""
        if (share, tone) == (self._share, self._tone):
            return
        self._share, self._tone = share, tone
        step = int((share or 0.0) * 4)
        if step != self._announced:
            self._announced = step
            QAccessible.updateAccessibility(QAccessibleValueChangeEvent(self, step * 25))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, self._height + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self._height + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        top = (self.height() - self._height) / 2
        paint_bar(QPainter(self), QRectF(0, top, self.width(), self._height), self._share, self._tone)
