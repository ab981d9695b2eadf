# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The list of groups and entries: arrow keys open and close groups; when lines move, people stay where they were."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QTableView, QWidget

from gui import icons, theme
from gui.contents import words
from gui.contents.model import ContentsModel, LineId
from gui.contents.rows import Column
from gui.widgets.cell import PADDING_LEFT, CellDelegate, Index, Look, Role, value
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_GAP = 8
_WIDTHS = (
    (Column.HASH, 84),
    (Column.TARGET, 96),
    (Column.SIZE, 84),
    (Column.PUSHED, 112),
    (Column.SIGNED, 120),
    (Column.INSTALLED, 124),
)
_SPARED = ((Column.PUSHED, 760), (Column.TARGET, 670), (Column.HASH, 590), (Column.SIGNED, 500))
_MOST_RESTORED = 2000


def _step() -> int:
    return theme.icon_size() + _GAP


class EntryDelegate(CellDelegate):
    """Groups semi-bold behind a chevron, entries below them; `Role.DETAIL` dim behind both."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        is_group = value(index, Role.OBJECT) is None
        look: Look | None = value(index, Role.LOOK)
        left = room.left() if is_group else room.left() + _step()
        if look is not None:
            icons.paint(painter, room.adjusted(left - room.left(), 0, 0, 0), look.icon, look.tone)
        room.setLeft(left + (_step() if is_group or look is not None else 0))
        tone = "text" if selected else value(index, Role.TONE) or "text"
        used = self.paint_text(painter, room, value(index) or "", tone, strong=is_group)
        for word in value(index, Role.DETAIL) or ():
            room = room.adjusted(used + _GAP, 0, 0, 0)
            if room.width() > 2 * _GAP:
                used = self.paint_text(painter, room, word, "text" if selected else "dim")

    def inside_width(self, index: Index) -> int:
        metrics = self.body_metrics if index.data(Role.OBJECT) is not None else self.strong_metrics
        behind = sum(self.body_metrics.horizontalAdvance(word) + _GAP for word in index.data(Role.DETAIL) or ())
        return 2 * _step() + metrics.horizontalAdvance(index.data() or "") + behind

    def whole_text(self, index: Index) -> str:
        return "  ".join((index.data() or "", *(index.data(Role.DETAIL) or ())))


class ContentsTable(TableView):
    """`entry_activated` follows Return and a double click on an entry; both open or close a group."""

    entry_activated = Signal()

    def __init__(self, model: ContentsModel, parent: QWidget | None = None) -> None:
        super().__init__(words.TABLE, "contents", parent)
        self._contents = model
        self._current: LineId | None = None
        self._selected: frozenset[LineId] = frozenset()
        self._top: LineId | None = None
        self.setModel(model)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setItemDelegateForColumn(Column.NAME, EntryDelegate(self))
        for column in (Column.SIGNED, Column.INSTALLED):
            self.setItemDelegateForColumn(column, StateDelegate(self))
        self.horizontalHeader().setSortIndicator(Column.NAME, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        for column, below in _SPARED:
            self.spare((column,), below)
        self.arrange(_WIDTHS, Column.NAME)
        model.modelAboutToBeReset.connect(self._remember_place)
        model.modelReset.connect(self._restore_place)
        self.activated.connect(self._on_activated)

    def _remember_place(self) -> None:
        current = self.currentIndex()
        self._current = self._contents.line_id(current.row()) if current.isValid() else None
        rows = self.selected_rows() if self.selected_count() <= _MOST_RESTORED else []
        self._selected = frozenset(map(self._contents.line_id, rows))
        top = self.rowAt(0)
        self._top = self._contents.line_id(top) if top > 0 else None

    def _restore_place(self) -> None:
        model, selection = self._contents, self.selectionModel()
        wanted = {*self._selected, *(each for each in (self._current, self._top) if each is not None)}
        rows = {model.line_id(row): row for row in model.find(wanted)}
        chosen = QItemSelection()
        last = len(Column) - 1
        for line, row in rows.items():
            if line in self._selected:
                chosen.select(model.index(row, 0), model.index(row, last))
        flags = QItemSelectionModel.SelectionFlag
        selection.select(chosen, flags.ClearAndSelect)
        if self._current in rows:
            selection.setCurrentIndex(model.index(rows[self._current], 0), flags.NoUpdate)
        if self._top in rows:
            self.verticalScrollBar().setValue(rows[self._top] * theme.row_height())

    def toggle(self, row: int) -> None:
        """Open or close the group at `row`."""
        self._contents.set_open(row, wanted=not self._contents.is_open(row))

    def _on_activated(self, index: Index) -> None:
        if not self._contents.is_group(index.row()):
            self.entry_activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        if row < 0 or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or not self._on_key(event.key(), row):
            super().keyPressEvent(event)

    def _on_key(self, key: int, row: int) -> bool:
        """Whether `key` meant opening, closing or going to the group."""
        model = self._contents
        is_group = model.is_group(row)
        keys = Qt.Key
        if is_group and key in (keys.Key_Return, keys.Key_Enter, keys.Key_Space):
            self.toggle(row)
        elif is_group and key in (keys.Key_Right, keys.Key_Plus):
            model.set_open(row, wanted=True)
        elif is_group and key in (keys.Key_Left, keys.Key_Minus):
            model.set_open(row, wanted=False)
        elif key == keys.Key_Left:
            self.select_row(model.group_row(row))
        else:
            return key == keys.Key_Right
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        index = self.indexAt(place)
        super().mousePressEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and self._on_chevron(index, place):
            self.toggle(index.row())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        index = self.indexAt(place)
        if index.isValid() and self._contents.is_group(index.row()):
            self.toggle(index.row())  # on the chevron the first click has done it already, so this undoes it
            return
        super().mouseDoubleClickEvent(event)

    def _on_chevron(self, index: Index, place: QPoint) -> bool:
        if not index.isValid() or index.column() != Column.NAME or not self._contents.is_group(index.row()):
            return False
        return place.x() < self.visualRect(index).left() + PADDING_LEFT + _step()
