# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The table of every page: even rows, hairlines, a plain header, keys that do what people expect."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QItemSelectionModel, QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QStackedLayout, QTableView, QWidget

from gui import icons, theme
from gui.settings import remembered
from gui.theme import FontRole
from gui.widgets.cell import PADDING_LEFT, PADDING_RIGHT, CellDelegate
from gui.widgets.labels import repolish

_FOCUS_BAR = 3
_LEAST_STRETCH = 40
_UNIT = 1000


class TableHeader(QHeaderView):
    """Small semi-bold words and a chevron at the sorted column."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsMovable(True)
        self.setHighlightSections(False)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setMinimumSectionSize(40)
        theme.use_font(self, FontRole.SMALL)

    def paintSection(self, painter: QPainter, rect: QRect, logical: int) -> None:
        model = self.model()
        role = Qt.ItemDataRole
        text = str(model.headerData(logical, Qt.Orientation.Horizontal, role.DisplayRole) or "")
        alignment = model.headerData(logical, Qt.Orientation.Horizontal, role.TextAlignmentRole)
        painter.save()
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        font = theme.font(FontRole.STRONG)
        font.setPointSizeF(theme.font(FontRole.SMALL).pointSizeF())
        painter.setFont(font)
        metrics = painter.fontMetrics()
        room = rect.adjusted(PADDING_LEFT, 0, -PADDING_RIGHT, -1)
        sorted_here = self.isSortIndicatorShown() and self.sortIndicatorSection() == logical
        if sorted_here:
            room.setWidth(room.width() - theme.icon_size())
        painter.setPen(theme.color("text" if sorted_here else "dim"))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        flags = (alignment or Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, int(flags), shown)
        if sorted_here and text:
            up = self.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            right = alignment is not None and bool(alignment & Qt.AlignmentFlag.AlignRight)
            left = room.right() + 1 if right else room.left() + metrics.horizontalAdvance(shown) + 2
            place = QRect(left, rect.top(), theme.icon_size(), rect.height())
            icons.paint(painter, place, "chevron-up" if up else "chevron-down", "dim")
        painter.restore()


class TableView(QTableView):
    """`toggle_requested` follows the space bar. Columns are remembered below `memory` (empty: not at all)."""

    toggle_requested = Signal()
    focus_changed = Signal(bool)

    def __init__(self, name: str, memory: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._stretch = -1
        self._unit = theme.scaled(_UNIT)
        self._spared: dict[int, int] = {}  # columns, and the width below which they give way
        self._unwanted: set[int] = set()
        self.setAccessibleName(name)
        self.setHorizontalHeader(TableHeader(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setCornerButtonEnabled(False)
        # What is not translucent can be moved when it is scrolled, instead of being painted again.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setItemDelegate(CellDelegate(self))
        theme.density_changed.connect(self._fit_density)
        self._fit_density()

    def _fit_density(self) -> None:
        height = theme.row_height()
        rows = self.verticalHeader()
        rows.setMinimumSectionSize(height)
        rows.setDefaultSectionSize(height)
        self.horizontalHeader().setFixedHeight(height)
        self._fit_text_size()

    def _fit_text_size(self) -> None:
        """Columns grow and shrink with the text in them."""
        before, self._unit = self._unit, theme.scaled(_UNIT)
        if before == self._unit:
            return
        header = self.horizontalHeader()
        for column in range(header.count()):
            if column != self._stretch and not header.isSectionHidden(column):
                header.resizeSection(column, round(header.sectionSize(column) * self._unit / before))
        self._fit_columns()

    def arrange(self, widths: Sequence[tuple[int, int]], stretch: int) -> None:
        """Give columns their first widths (in pixels for a usual font); `stretch` takes what is left.

        Then what was remembered applies.
        """
        header = self.horizontalHeader()
        self._stretch = stretch
        for column, width in widths:
            header.resizeSection(column, theme.scaled(width))
        header.sectionResized.connect(self._on_section_resized)
        state = remembered().value(self._columns_key()) if self._memory else None
        if isinstance(state, QByteArray):
            header.restoreState(state)

    def spare(self, columns: Sequence[int], below: int) -> None:
        """Hide `columns` while the table is narrower than `below` (in pixels for a usual font)."""
        self._spared.update(dict.fromkeys(columns, below))

    def want_columns_at_first(self, hidden: Sequence[int]) -> None:
        """Hide `hidden`, or what a person has chosen to hide since."""
        chosen = remembered().value(f"{self._memory}/hidden") if self._memory else None
        known = range(self.model().columnCount())
        numbers = [int(each) for each in str(chosen).split() if each.isdigit()]
        self._unwanted = set(hidden) if chosen is None else {each for each in numbers if each in known}
        self._fit_columns()

    def wants_column(self, column: int) -> bool:
        return column not in self._unwanted

    def want_column(self, column: int, *, wanted: bool) -> None:
        """Show `column`, where there is room for it, or hide it; remembered."""
        self._unwanted = self._unwanted - {column} if wanted else self._unwanted | {column}
        if self._memory:
            remembered().setValue(f"{self._memory}/hidden", " ".join(map(str, sorted(self._unwanted))))
        self._fit_columns()

    def _fit_columns(self) -> None:
        for column in range(self.horizontalHeader().count()):
            narrow = self.width() < theme.scaled(self._spared.get(column, 0))
            self.setColumnHidden(column, narrow or column in self._unwanted)
        self._fill_width()

    def _columns_key(self) -> str:
        """What is remembered fits only as many columns as there were."""
        return f"{self._memory}/columns-{self.horizontalHeader().count()}"

    def _on_section_resized(self, column: int) -> None:
        if column != self._stretch:
            self._fill_width()

    def _fill_width(self) -> None:
        """The stretching column takes what the others leave, for the others a person chose their widths."""
        header = self.horizontalHeader()
        if self._stretch < 0 or self.model() is None:
            return
        others = header.length() - header.sectionSize(self._stretch)
        header.resizeSection(self._stretch, max(theme.scaled(_LEAST_STRETCH), self.viewport().width() - others))

    def remember(self) -> None:
        if self._memory and self.model() is not None:
            remembered().setValue(self._columns_key(), self.horizontalHeader().saveState())

    def selected_ranges(self) -> list[tuple[int, int]]:
        """First and last rows of the parts of the selection, from top to bottom."""
        model = self.selectionModel()
        if model is None:
            return []
        selection = model.selection()
        parts = (selection.at(number) for number in range(selection.size()))
        return sorted({(part.top(), part.bottom()) for part in parts})

    def selected_count(self) -> int:
        """As many as `selected_rows`, at once however many they are."""
        return sum(last - first + 1 for first, last in self.selected_ranges())

    def selected_rows(self) -> list[int]:
        """Rows of the selection, from top to bottom."""
        return sorted({row for first, last in self.selected_ranges() for row in range(first, last + 1)})

    def select_row(self, row: int) -> None:
        """Make `row` the current one and the only one selected."""
        index = self.model().index(row, max(self.currentIndex().column(), 0))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()
        current = self.visualRect(self.currentIndex())
        if current.top() < event.oldSize().height() and current.bottom() >= event.size().height():
            self.scrollTo(self.currentIndex())  # what was chosen stays in sight

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions = QAbstractItemView.CursorAction
        if action in (actions.MoveHome, actions.MoveEnd) and self.model() is not None:
            row = 0 if action is actions.MoveHome else self.model().rowCount() - 1
            return self.model().index(row, max(self.currentIndex().column(), 0))
        return super().moveCursor(action, modifiers)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self._ensure_current()
            self.toggle_requested.emit()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ensure_current()  # before Qt makes a row current without selecting it
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def _ensure_current(self) -> None:
        if not self.currentIndex().isValid() and self.model() is not None and self.model().rowCount():
            self.select_row(0)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self.viewport()).fillRect(event.rect(), theme.color("surface"))
        super().paintEvent(event)
        current = self.currentIndex()
        if not self.hasFocus() or not current.isValid():
            return
        row = self.visualRect(current)
        QPainter(self.viewport()).fillRect(0, row.top(), _FOCUS_BAR, row.height() - 1, theme.color("accent"))


class TablePane(QFrame):
    """The frame around a table; shows another widget (an empty state) in its place when there is nothing to list.

    Given the keyboard, it hands it on to the table, as soon as that is shown.
    """

    def __init__(self, table: TableView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table-frame")
        self.table = table
        self._stack = QStackedLayout(self)
        self._stack.addWidget(table)
        self._stack.currentChanged.connect(self._hand_on_focus)
        self.setAccessibleName(table.accessibleName())
        table.focus_changed.connect(self._on_focus)

    def show_table(self) -> None:
        self._stack.setCurrentWidget(self.table)

    def show_instead(self, widget: QWidget) -> None:
        if self._stack.indexOf(widget) < 0:
            self._stack.addWidget(widget)
        self._stack.setCurrentWidget(widget)

    @property
    def shown(self) -> QWidget | None:
        return self._stack.currentWidget()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._hand_on_focus()

    def _hand_on_focus(self) -> None:
        shown = self.shown
        if self.hasFocus() and isinstance(shown, QAbstractItemView):
            shown.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_focus(self, focused: bool) -> None:
        self.setProperty("focused", focused)
        repolish(self)
