# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A state as shape, word and colour."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
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
        icons.paint(painter, room, look.icon, look.tone)
        tone = "text" if selected or not look.quiet else "dim"
        self.paint_text(painter, room.adjusted(theme.icon_size() + _GAP, 0, 0, 0), look.word, tone)

    def inside_width(self, index: Index) -> int:
        look: Look | None = index.data(Role.LOOK)
        text = look.word if look else index.data(Qt.ItemDataRole.DisplayRole) or ""
        return theme.icon_size() + _GAP + self.body_metrics.horizontalAdvance(text)
