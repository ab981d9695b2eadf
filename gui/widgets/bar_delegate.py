# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Progress inside a table."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QPainter

from core.foundation.text import THIN_SPACE
from gui import theme
from gui.widgets.bars import paint_bar
from gui.widgets.cell import CellDelegate, Index, Role, value


class BarDelegate(CellDelegate):
    """A bar with its per cent where `Role.PROGRESS` is a number (below zero: length unknown), else the display text."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        share: float | None = value(index, Role.PROGRESS)
        if share is None:
            super().paint_inside(painter, room, index, selected=selected)
            return
        words = self.body_metrics.horizontalAdvance(percent(1.0)) + theme.SPACE_S
        bar = QRectF(room.left(), room.center().y() - theme.BAR_ROW / 2 + 1, room.width() - words, theme.BAR_ROW)
        if bar.width() > 2 * theme.BAR_ROW:
            paint_bar(painter, bar, share if share >= 0 else None)
        if share < 0:
            return
        tone = "text" if selected else "dim"
        self.paint_text(painter, room, percent(share), tone, at_right=True)


def percent(share: float) -> str:
    """`62 %`; never 100 before the end."""
    return f"{min(int(share * 100), 100)}{THIN_SPACE}%"
