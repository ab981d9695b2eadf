# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Table cells: the roles models answer, and the base of all delegates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QStaticText
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip, QWidget

from core.foundation.text import visible
from core.spack.substitutions import folder_of
from gui import theme
from gui.theme import FontRole

Index = QModelIndex | QPersistentModelIndex
PADDING_LEFT, PADDING_RIGHT = 12, 8
LaidOut = tuple[QStaticText, int, int]  # with its width and height
_MOST_TEXTS = 1_000  # that a delegate keeps: laying out a text takes longer than painting it
_SELECTED = QStyle.StateFlag.State_Selected


class Role(IntEnum):
    """What a model may answer besides Qt's own roles."""

    SORT = Qt.ItemDataRole.UserRole + 1  # a native value
    OBJECT = Qt.ItemDataRole.UserRole + 2  # the row itself
    TONE = Qt.ItemDataRole.UserRole + 3  # text, dim, faint, …; text when not answered
    DETAIL = Qt.ItemDataRole.UserRole + 4  # words behind a name, dim: tuple[str, ...]
    LOOK = Qt.ItemDataRole.UserRole + 5  # a Look
    PROGRESS = Qt.ItemDataRole.UserRole + 6  # 0.0 to 1.0, below zero: not known; None: no bar
    GROUND = Qt.ItemDataRole.UserRole + 7  # the token of a background that sets headings apart from rows


@dataclass(frozen=True, slots=True)
class Look:
    """A state as shape, word and colour. `quiet` states have a dim word."""

    icon: str
    tone: str
    word: str
    quiet: bool = False


class CellDelegate(QStyledItemDelegate):
    """Text on the row's background with a hairline below; says the whole text when it was cut.

    Subclasses paint the inside (`paint_inside`) and say how wide it would like to be (`inside_width`).
    """

    def __init__(
        self, parent: QWidget | None = None, elide_mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> None:
        super().__init__(parent)
        self._elide_mode = elide_mode
        theme.density_changed.connect(self._take_fonts)
        self._take_fonts()

    def _take_fonts(self) -> None:
        self.body_font = theme.font(FontRole.BODY)
        self.strong_font = theme.font(FontRole.STRONG)
        self.body_metrics = QFontMetrics(self.body_font)
        self.strong_metrics = QFontMetrics(self.strong_font)
        self._laid_out: dict[tuple[str, bool, int], LaidOut] = {}

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        tone = "text" if selected else value(index, Role.TONE) or "text"
        right = value(index, Qt.ItemDataRole.TextAlignmentRole)
        at_right = right is not None and bool(right & Qt.AlignmentFlag.AlignRight)
        self.paint_text(painter, room, value(index) or "", tone, at_right=at_right)

    def inside_width(self, index: Index) -> int:
        return self.body_metrics.horizontalAdvance(index.data() or "")

    def whole_text(self, index: Index) -> str:
        """What the cell says when there is room for all of it."""
        return str(index.data() or "")

    def paint_text(
        self,
        painter: QPainter,
        room: QRect,
        text: str,
        tone: str,
        *,
        strong: bool = False,
        at_right: bool = False,
    ) -> int:
        """Paint `text`, cut with an ellipsis if need be; returns the width it took."""
        key = text, strong, room.width()
        found = self._laid_out.get(key)
        if found is None:
            if len(self._laid_out) >= _MOST_TEXTS:
                self._laid_out.clear()
            found = self._laid_out[key] = self._lay_out(*key)
        shown, width, height = found
        painter.setFont(self.strong_font if strong else self.body_font)
        painter.setPen(theme.color(tone))
        left = room.left() + room.width() - width if at_right else room.left()
        painter.drawStaticText(left, room.top() + (room.height() - height + 1) // 2, shown)
        return width

    def _lay_out(self, text: str, strong: bool, most: int) -> LaidOut:
        """`text` ready to be painted, cut if it is wider than `most`."""
        metrics = self.strong_metrics if strong else self.body_metrics
        width = metrics.horizontalAdvance(text)
        if width > most:
            text = metrics.elidedText(text, self._elide_mode, most)
            width = metrics.horizontalAdvance(text)
        shown = QStaticText(text)
        shown.setTextFormat(Qt.TextFormat.PlainText)
        shown.prepare(font=self.strong_font if strong else self.body_font)
        return shown, width, metrics.height()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        selected = _SELECTED in option.state
        rect = option.rect
        painter.save()
        ground = "selection" if selected else value(index, Role.GROUND)
        if ground:
            painter.fillRect(rect, theme.color(ground))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("line"))
        self.paint_inside(painter, inner(rect), index, selected=selected)
        painter.restore()

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(self.inside_width(index) + PADDING_LEFT + PADDING_RIGHT, theme.row_height())

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        if event.type() == QEvent.Type.ToolTip and not index.data(Qt.ItemDataRole.ToolTipRole):
            cut = self.inside_width(index) > inner(option.rect).width()
            QToolTip.showText(event.globalPos(), self.whole_text(index) if cut else "", view)
            return True
        return super().helpEvent(event, view, option, index)


def value(index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
    """`index.data(role)` without the way there and back through Qt: a table asks a thousand times to paint itself."""
    return index.model().data(index, role)


def inner(rect: QRect) -> QRect:
    """The part of a cell its content may use."""
    return rect.adjusted(PADDING_LEFT, 0, -PADDING_RIGHT, -1)


def one_line(text: str) -> str:
    """Foreign `text` for a cell: line breaks and odd spaces become spaces, other invisible characters are shown."""
    return visible(" ".join(text.split()))


@lru_cache(maxsize=1024)
def place(address: str) -> str:
    """A mirror's name or address as people write it: a folder as its path, a repository without scheme."""
    scheme, separator, rest = address.partition("://")
    if separator and scheme in ("oci", "oci+http"):
        return visible(rest)
    folder = folder_of(address) if address.startswith("file:") else None
    return visible(str(folder) if folder is not None else address)
