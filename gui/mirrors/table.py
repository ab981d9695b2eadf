# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors table: rows that can be dragged into another order."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QDropEvent, QGuiApplication, QPainter
from PySide6.QtWidgets import QAbstractItemView, QWidget

from gui import messages, theme
from gui.mirrors.model import ROW_MIME, Column, MirrorsModel
from gui.widgets.cell import CellDelegate, Index, Role
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_WIDTHS = (
    (Column.NAME, 172),
    (Column.FETCH_ADDRESS, 190),
    (Column.CONTAINS, 164),
    (Column.SIGNED, 72),
    (Column.AUTOPUSH, 86),
    (Column.LOGIN, 112),
    (Column.SCOPE, 100),
    (Column.STATUS, 176),
    (Column.MISSING, 76),
    (Column.PACKAGES, 86),
)
_LEAST_ADDRESS = 230
_SPARED = (
    *(Column.LOGIN, Column.SCOPE, Column.FETCH_ADDRESS, Column.PACKAGES, Column.SIGNED, Column.AUTOPUSH),
    Column.CONTAINS,
)  # the last gives way first where there is no room


class LinkDelegate(CellDelegate):
    """Paints what can be clicked underlined."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        super().paint_inside(painter, room, index, selected=selected)
        if index.data(Role.TONE) == "accent":
            width = min(self.body_metrics.horizontalAdvance(index.data()), room.width())
            line = room.center().y() + self.body_metrics.ascent() // 2 + 2
            painter.drawLine(room.right() - width + 1, line, room.right(), line)


class MirrorsTable(TableView):
    """`dropped(name, row)`: a mirror was dragged in front of `row`. Nothing moves by itself: a file has to change.

    `missing_chosen(name)`: somebody wants to see what this mirror lacks.
    """

    dropped = Signal(str, int)
    missing_chosen = Signal(str)

    def __init__(self, model: MirrorsModel, parent: QWidget | None = None) -> None:
        super().__init__(messages.MIRRORS_TABLE, "mirrors", parent)
        self._mirrors = model
        self.setModel(model)
        self.setItemDelegateForColumn(Column.NAME, PackageDelegate(self))
        middle = CellDelegate(self, Qt.TextElideMode.ElideMiddle)
        for column in (Column.PUSH_ADDRESS, Column.FETCH_ADDRESS):
            self.setItemDelegateForColumn(column, middle)
        self.setItemDelegateForColumn(Column.MISSING, LinkDelegate(self))
        for column in (Column.LOGIN, Column.SCOPE, Column.STATUS):
            self.setItemDelegateForColumn(column, StateDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropOverwriteMode(False)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.arrange(_WIDTHS, Column.PUSH_ADDRESS)
        model.modelReset.connect(self._fit_columns)
        self.setMouseTracking(True)
        self.entered.connect(self._on_entered)
        self.viewportEntered.connect(lambda: self.viewport().unsetCursor())
        self.clicked.connect(self._on_clicked)

    def _on_entered(self, index: QModelIndex) -> None:
        if _is_link(index):
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.viewport().unsetCursor()

    def _on_clicked(self, index: QModelIndex) -> None:
        plain = QGuiApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier  # others choose rows
        if plain and _is_link(index):
            self.missing_chosen.emit(self._mirrors.rows[index.row()].mirror.name)

    def _fit_columns(self) -> None:
        """Show the columns there is room for, and the second address only where it says something."""
        widths = {column: theme.scaled(width) for column, width in _WIDTHS}
        always = (width for column, width in widths.items() if column not in _SPARED)
        room = self.width() - theme.scaled(_LEAST_ADDRESS) - sum(always)
        for column in _SPARED:
            says_something = column is not Column.FETCH_ADDRESS or self._mirrors.fetch_differs
            shown = says_something and self.wants_column(column) and widths[column] <= room
            room -= widths[column] * shown
            self.setColumnHidden(column, not shown)
        self._fill_width()

    def _place_of(self, point: QPoint) -> int:
        """The row that a drop at `point` goes in front of."""
        row = self.rowAt(point.y())
        if row < 0:
            return self._mirrors.rowCount()
        rect = self.visualRect(self._mirrors.index(row, 0))
        return row + 1 if point.y() > rect.center().y() else row

    def dropEvent(self, event: QDropEvent) -> None:
        name = bytes(event.mimeData().data(ROW_MIME).data()).decode()
        event.setDropAction(Qt.DropAction.IgnoreAction)  # else the view removes the row that was dragged
        event.accept()
        self.dropped.emit(name, self._place_of(event.position().toPoint()))


def _is_link(index: QModelIndex) -> bool:
    return index.column() == Column.MISSING and index.data(Role.TONE) == "accent"
