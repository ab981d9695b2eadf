# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The list of pages at the left edge."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui import icons, messages, theme
from gui.theme import FontRole
from gui.widgets.cell import Index

_NO_PARENT = QModelIndex()
_COUNT_ROLE = Qt.ItemDataRole.UserRole + 1
_ICON_ROLE = Qt.ItemDataRole.UserRole + 2
_MOST_COUNTED = 999


class _PagesModel(QAbstractListModel):
    def __init__(self, entries: Sequence[tuple[QAction, str]], parent: QObject) -> None:
        super().__init__(parent)
        self._entries = tuple(entries)
        self._counts = [0] * len(self._entries)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        action, icon = self._entries[index.row()]
        count = self._counts[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return action.text()
            case Qt.ItemDataRole.ToolTipRole:
                return action.toolTip()
            case Qt.ItemDataRole.AccessibleTextRole:
                return messages.navigation_count(action.text(), count) if count else action.text()
            case _ if role == _COUNT_ROLE:
                return count
            case _ if role == _ICON_ROLE:
                return icon
        return None

    def set_count(self, row: int, count: int) -> None:
        if self._counts[row] != count:
            self._counts[row] = count
            self.dataChanged.emit(self.index(row), self.index(row), [_COUNT_ROLE, Qt.ItemDataRole.AccessibleTextRole])


class _PageDelegate(QStyledItemDelegate):
    """Icon, name and count on a soft rounded ground; `narrow` leaves only the icon."""

    narrow = False

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        rect = option.rect.adjusted(theme.SPACE_S, 1, -theme.SPACE_S, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent"), 2) if focused else Qt.PenStyle.NoPen)
        ground = "accent_soft" if selected else "bg" if hovered else "surface"
        painter.setBrush(theme.color(ground))
        inset = 1.0 if focused else 0.0
        painter.drawRoundedRect(QRectF(rect).adjusted(inset, inset, -inset, -inset), 6, 6)
        tone = "accent" if selected else "dim"
        size = theme.large_icon_size()
        left = rect.center().x() - size // 2 + 1 if self.narrow else rect.left() + theme.SPACE_M
        icons.paint(painter, QRect(left, rect.top(), size, rect.height()), index.data(_ICON_ROLE), tone)
        if not self.narrow:
            painter.setFont(theme.font(FontRole.STRONG if selected else FontRole.BODY))
            painter.setPen(theme.color("accent" if selected else "text"))
            room = rect.adjusted(2 * theme.SPACE_M + size - 2, 0, -theme.SPACE_S, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, index.data())
        self._paint_count(painter, rect, index.data(_COUNT_ROLE))
        painter.restore()

    def _paint_count(self, painter: QPainter, rect: QRect, count: int) -> None:
        if not count:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        if self.narrow:
            painter.drawEllipse(rect.right() - 15, rect.top() + 6, 8, 8)
            return
        painter.setFont(theme.font(FontRole.CAPTION))
        text = f"{count}" if count <= _MOST_COUNTED else f"{_MOST_COUNTED}+"
        height = painter.fontMetrics().height() + 3
        width = max(height, painter.fontMetrics().horizontalAdvance(text) + 12)
        badge = QRectF(rect.right() - theme.SPACE_S - width, rect.center().y() - height / 2 + 1, width, height)
        painter.drawRoundedRect(badge, height / 2, height / 2)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(theme.PAGE_MARGIN, theme.comfortable_height() + theme.SPACE_XS)


class Navigation(QListView):
    """`page_chosen(row)` follows the current row, however it was changed."""

    page_chosen = Signal(int)

    def __init__(self, entries: Sequence[tuple[QAction, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(messages.NAVIGATION)
        self._model = _PagesModel(entries, self)
        self._delegate = _PageDelegate(self)
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.selectionModel().currentChanged.connect(self._on_current_changed)

    def choose(self, row: int) -> None:
        self.setCurrentIndex(self._model.index(row))

    @property
    def chosen(self) -> int:
        return self.currentIndex().row()

    def set_count(self, row: int, count: int) -> None:
        self._model.set_count(row, count)

    def set_narrow(self, narrow: bool) -> None:
        self._delegate.narrow = narrow
        self.viewport().update()

    def selectionCommand(self, index: Index, _event: QEvent | None = None) -> QItemSelectionModel.SelectionFlag:
        """The current page stays selected: there is nothing to unselect by Ctrl+Space or Ctrl and a click."""
        flags = QItemSelectionModel.SelectionFlag
        return flags.ClearAndSelect if index.isValid() else flags.NoUpdate

    def _on_current_changed(self, current: QModelIndex) -> None:
        self.page_chosen.emit(current.row())
