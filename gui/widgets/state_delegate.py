# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A state as shape, word and colour."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPainter

from gui import icons, theme
from gui.widgets.cell import CellDelegate, Index, Look, Role, value

_GAP = 6


class StateDelegate(CellDelegate):
    """Paints the `Look` of `Role.LOOK`; the model's display role should be its word."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        look: Look | None = value(index, Role.LOOK)
        if look is None:
            super().paint_inside(painter, room, index, selected=selected)
            return
        size = theme.ICON_SMALL
        device = painter.device()
        picture = icons.pixmap(look.icon, look.tone, device.devicePixelRatioF() if device else 1.0)
        painter.drawPixmap(QPoint(room.left(), room.center().y() - size // 2 + 1), picture)
        tone = "text" if selected or not look.quiet else "dim"
        self.paint_text(painter, room.adjusted(size + _GAP, 0, 0, 0), look.word, tone)

    def inside_width(self, index: Index) -> int:
        look: Look | None = index.data(Role.LOOK)
        text = look.word if look else index.data(Qt.ItemDataRole.DisplayRole) or ""
        return theme.ICON_SMALL + _GAP + self.body_metrics.horizontalAdvance(text)
