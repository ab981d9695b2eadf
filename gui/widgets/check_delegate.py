# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The check box at the start of a row."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QRect, Qt
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from gui import theme
from gui.widgets.cell import CellDelegate, Index, value
from gui.widgets.controls import paint_check


class CheckDelegate(CellDelegate):
    """Paints and, on a click anywhere in the cell, flips the model's check state."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:  # noqa: ARG002
        state = value(index, Qt.ItemDataRole.CheckStateRole)
        if state is None:  # a heading
            return
        possible = bool(index.flags() & Qt.ItemFlag.ItemIsUserCheckable)
        place = QRect(room.left(), room.top(), theme.icon_size(), room.height())
        paint_check(painter, place, Qt.CheckState(state), enabled=possible)

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        if event.type() != QEvent.Type.MouseButtonRelease or not isinstance(event, QMouseEvent):
            return False
        if event.button() is not Qt.MouseButton.LeftButton or event.modifiers():
            return False
        if not index.flags() & Qt.ItemFlag.ItemIsUserCheckable or not option.rect.contains(event.position().toPoint()):
            return False
        checked = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) is Qt.CheckState.Checked
        return model.setData(
            model.index(index.row(), index.column()),
            Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked,
            Qt.ItemDataRole.CheckStateRole,
        )
