# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A package (or mirror) by name, with what tells it apart dim behind it."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from gui.widgets.cell import CellDelegate, Index, Role, value

_GAP = 8


class PackageDelegate(CellDelegate):
    """Display role semi-bold, the words of `Role.DETAIL` dim behind it."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        tone = value(index, Role.TONE) or "text"
        used = self.paint_text(painter, room, value(index) or "", tone, strong=True)
        for word in value(index, Role.DETAIL) or ():
            room = room.adjusted(used + _GAP, 0, 0, 0)
            if room.width() < 2 * _GAP:
                return
            used = self.paint_text(painter, room, word, "text" if selected else "dim")

    def whole_text(self, index: Index) -> str:
        return "  ".join((index.data() or "", *(index.data(Role.DETAIL) or ())))

    def inside_width(self, index: Index) -> int:
        words = index.data(Role.DETAIL) or ()
        behind = sum(self.body_metrics.horizontalAdvance(word) + _GAP for word in words)
        return self.strong_metrics.horizontalAdvance(index.data() or "") + behind
