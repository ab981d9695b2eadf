# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All actions by name: type a part of it, press Enter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.cell import Index
from gui.widgets.labels import Label

_WIDTH, _HEIGHT = 560, 420
_NO_PARENT = QModelIndex()
_WHY, _KEYS = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
_LIST_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class ActionList(QAbstractListModel):
    """Actions whose name or page has every word of a filter; those possible now come first, of them the page's."""

    def __init__(self, actions: Sequence[tuple[QAction, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all = tuple(actions)
        self._shown: list[tuple[QAction, str]] = []
        self.set_filter("")

    def set_filter(self, text: str) -> None:
        wanted = text.lower().split()
        found = [
            (action, page)
            for action, page in self._all
            if all(word in f"{page} {name_of(action)}".lower() for word in wanted)
        ]

        def rank(entry: tuple[QAction, str]) -> tuple[bool, bool, bool, str]:
            action, page = entry
            begins = bool(wanted) and name_of(action).lower().startswith(wanted[0])
            return not action.isEnabled(), not begins, not page, f"{page} {name_of(action)}".lower()

        self.beginResetModel()
        self._shown = sorted(found, key=rank)
        self.endResetModel()

    def entry_at(self, row: int) -> tuple[QAction | None, str]:
        """The action in that row and its page."""
        return self._shown[row] if 0 <= row < len(self._shown) else (None, "")

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        action, page = self._shown[index.row()]
        why_not = "" if action.isEnabled() else action.toolTip()
        keys = action.shortcut().toString()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{page}: {name_of(action)}" if page else name_of(action)
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (str(self.data(index)), keys, why_not) if part)
            case Qt.ItemDataRole.ToolTipRole:
                return action.toolTip()
            case _ if role == _WHY:
                return why_not
            case _ if role == _KEYS:
                return keys
        return None


class _ActionDelegate(QStyledItemDelegate):
    """Name at the left; keys, or why it is not possible, at the right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        why_not = index.data(_WHY)
        painter.save()
        if selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selection"))
            painter.drawRoundedRect(option.rect.adjusted(theme.SPACE_XS, 1, -theme.SPACE_XS, -1), 6, 6)
        room = option.rect.adjusted(theme.SPACE_M, 0, -theme.SPACE_M, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(FontRole.BODY))
        name_width = painter.fontMetrics().horizontalAdvance(index.data())
        painter.setPen(theme.color("text" if selected or not why_not else "dim"))
        painter.drawText(room, int(middle | Qt.AlignmentFlag.AlignLeft), index.data())
        painter.setFont(theme.font(FontRole.SMALL))
        painter.setPen(theme.color("text" if selected else "dim"))
        rest = QRect(room)
        rest.setLeft(room.left() + name_width + theme.SPACE_L)
        text = painter.fontMetrics().elidedText(
            why_not or index.data(_KEYS), Qt.TextElideMode.ElideRight, max(rest.width(), 0)
        )
        painter.drawText(rest, int(middle | Qt.AlignmentFlag.AlignRight), text)
        painter.restore()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(theme.PAGE_MARGIN, theme.row_height())


class Palette(QDialog):
    """Accepted with the chosen action in `chosen`, and in `page` the one to go to first, "" if it is shown already.

    Run it after the dialog has closed. Open it with `ask`.
    """

    def __init__(
        self, actions: Sequence[tuple[QAction, str]], shown_page: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.chosen: QAction | None = None
        self.page = ""
        self._shown_page = shown_page
        self.setWindowTitle(messages.PALETTE_TITLE)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(messages.PALETTE_PLACEHOLDER)
        self.edit.setAccessibleName(messages.PALETTE_TITLE)
        self.model = ActionList(actions, self)
        self.list = QListView()
        self.list.setAccessibleName(messages.PALETTE_LIST)
        self.list.setModel(self.model)
        self.list.setItemDelegate(_ActionDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = Label(messages.NOTHING_MATCHES, tone="dim")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_M, theme.SPACE_M, theme.SPACE_M, theme.SPACE_M)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(self.edit)
        column.addWidget(self.list, 1)
        column.addWidget(self.nothing, 1)
        self.resize(theme.scaled(_WIDTH), theme.scaled(_HEIGHT))
        self.edit.textChanged.connect(self._on_text)
        self.list.clicked.connect(self._choose)
        self._on_text("")

    def _on_text(self, text: str) -> None:
        self.model.set_filter(text)
        self.list.setCurrentIndex(self.model.index(0))
        self.list.setVisible(self.model.rowCount() > 0)
        self.nothing.setVisible(self.model.rowCount() == 0)

    def _choose(self) -> None:
        action, page = self.model.entry_at(self.list.currentIndex().row())
        elsewhere = page not in ("", self._shown_page)
        if action is not None and (action.isEnabled() or elsewhere):
            self.chosen = action
            self.page = page if elsewhere else ""
            self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move in the list while the keyboard stays in the field."""
        if event.key() in _LIST_KEYS:
            self.list.keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        else:
            super().keyPressEvent(event)


def name_of(action: QAction) -> str:
    """What the action is called outside its menu, without marks of menus."""
    return (action.data() or action.text()).replace("&", "").removesuffix("…")
