# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The list of transfers: arrow keys, Return and a click on the chevron open and close the pushes."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QTableView, QWidget

from gui import icons, theme
from gui.transfers import words
from gui.transfers.model import TransfersModel
from gui.transfers.rows import Column
from gui.widgets.bar_delegate import BarDelegate
from gui.widgets.cell import PADDING_LEFT, Index, Look, Role, value
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_WIDTHS = (
    (Column.PACKAGE, 236),
    (Column.TO, 84),
    (Column.STATE, 156),
    (Column.RATE, 80),
    (Column.LEFT, 72),
    (Column.TRY, 48),
)
_SPARED = ((Column.RATE, 860), (Column.TRY, 860), (Column.LEFT, 680), (Column.TO, 600))


def _step() -> int:
    return theme.icon_size() + theme.SPACE_S


class NameDelegate(PackageDelegate):
    """Headings have a chevron in front of their name."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        look: Look | None = value(index, Role.LOOK)
        if look is not None:
            icons.paint(painter, room, look.icon, look.tone)
            room = room.adjusted(_step(), 0, 0, 0)
        super().paint_inside(painter, room, index, selected=selected)

    def inside_width(self, index: Index) -> int:
        return super().inside_width(index) + (_step() if index.data(Role.LOOK) is not None else 0)


class TransfersTable(TableView):
    """Rows below the headings of their pushes, where there are several."""

    def __init__(self, model: TransfersModel, parent: QWidget | None = None) -> None:
        super().__init__(words.TABLE, "transfers", parent)
        self._transfers = model
        self.setModel(model)
        self.setItemDelegateForColumn(Column.PACKAGE, NameDelegate(self))
        self.setItemDelegateForColumn(Column.STATE, StateDelegate(self))
        self.setItemDelegateForColumn(Column.PROGRESS, BarDelegate(self))
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.arrange(_WIDTHS, Column.PROGRESS)
        for column, below in _SPARED:
            self.spare((column,), below)

    def toggle(self, number: int) -> None:
        """Open or close the push whose heading is there."""
        self._transfers.set_open(number, wanted=not self._transfers.is_open(number))

    def _is_heading(self, number: int) -> bool:
        return self._transfers.push_at(number) is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = self.currentIndex().row()
        if number < 0 or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or not self._on_key(event, number):
            super().keyPressEvent(event)

    def _on_key(self, event: QKeyEvent, number: int) -> bool:
        """Whether the key meant opening, closing or going to a heading."""
        keys, key = Qt.Key, event.key()
        if not self._is_heading(number):
            if key != keys.Key_Left or not self._transfers.headed:
                return False
            self.select_row(self._transfers.heading_of(number))
        elif key in (keys.Key_Return, keys.Key_Enter, keys.Key_Space):
            self.toggle(number)
        elif key in (keys.Key_Left, keys.Key_Right):
            self._transfers.set_open(number, wanted=key == keys.Key_Right)
        else:
            return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        index = self.indexAt(place)
        super().mousePressEvent(event)
        chevron = self.visualRect(index).left() + PADDING_LEFT + _step()
        on_name = index.isValid() and index.column() == Column.PACKAGE and self._is_heading(index.row())
        if event.button() is Qt.MouseButton.LeftButton and on_name and place.x() < chevron:
            self.toggle(index.row())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and self._is_heading(index.row()):
            self.toggle(index.row())  # on the chevron the first click has done it already, so this undoes it
            return
        super().mouseDoubleClickEvent(event)
