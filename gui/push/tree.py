# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The decisions of a push plan as a list whose groups open."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QTreeView, QVBoxLayout, QWidget

from core.transfers.plan import Decision, PushPlan
from gui import icons, theme
from gui.push import words
from gui.push.model import Column, PlanModel
from gui.widgets.cell import CellDelegate, Index, Role
from gui.widgets.controls import CheckBox
from gui.widgets.labels import repolish
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.state_delegate import StateDelegate

_INDENT = 28
_WIDTHS = ((Column.WHAT, 236), (Column.COUNT, 112))
_ROWS_SHOWN = 4
_FOCUS_BAR = 3


class WhatDelegate(StateDelegate, PackageDelegate):
    """Groups as states, packages by name."""

    def inside_width(self, index: Index) -> int:
        kind = StateDelegate if index.data(Role.LOOK) else PackageDelegate
        return kind.inside_width(self, index)


class DetailDelegate(CellDelegate):
    """Text that ends where the option of its row begins."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        view = self.parent()
        option = view.indexWidget(index) if isinstance(view, QTreeView) else None
        if option is not None:
            room = room.adjusted(0, 0, -option.sizeHint().width(), 0)
        super().paint_inside(painter, room, index, selected=selected)


class PlanTree(QTreeView):
    """Arrow keys open and close groups. `replace` and `private` are check boxes inside the list."""

    def __init__(self, model: PlanModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plan_model = model
        self.setModel(model)
        self.setAccessibleName(words.PLAN_LIST)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(theme.scaled(_INDENT))
        self.setExpandsOnDoubleClick(True)
        self.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.viewport().setAutoFillBackground(False)
        self.setItemDelegate(CellDelegate(self))
        self.setItemDelegateForColumn(Column.WHAT, WhatDelegate(self))
        self.setItemDelegateForColumn(Column.DETAIL, DetailDelegate(self))
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.DETAIL, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS:
            header.resizeSection(column, theme.scaled(width))
        self.replace = self._option(Decision.PRESENT, words.REPLACE_THEM, words.REPLACE_NAME)
        self.private = self._option(Decision.HELD_BACK, words.PRIVATE_MIRROR, words.PRIVATE_NAME)
        self.show_groups(None)

    def show_groups(self, plan: PushPlan | None) -> None:
        """Hide groups without packages, unless their option has emptied them."""
        kept = {Decision.PUSH}
        if plan is not None:
            kept |= {Decision.PRESENT} if plan.options.force else set()
            kept |= {Decision.HELD_BACK} if plan.options.private else set()
        for number, decision in enumerate(words.DECISIONS):
            empty = not self._plan_model.items(decision)
            self.setRowHidden(number, QModelIndex(), empty and decision not in kept)

    def sizeHint(self) -> QSize:
        return QSize(600, _ROWS_SHOWN * theme.row_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(400, 3 * theme.row_height())

    def _option(self, decision: Decision, text: str, name: str) -> CheckBox:
        box = CheckBox(text)
        box.setAccessibleName(name)
        box.setToolTip(name)
        place = QWidget()
        layout = QHBoxLayout(place)
        layout.setContentsMargins(theme.SPACE_S, 0, theme.SPACE_S, 1)
        layout.addStretch()
        layout.addWidget(box)
        self.setIndexWidget(self._plan_model.group(decision, Column.DETAIL), place)
        return box

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        selection = self.selectionModel()
        if selection is not None and selection.isSelected(index):
            painter.fillRect(rect, theme.color("selection"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if not self.model().rowCount(index):
            return
        name = "chevron-down" if self.isExpanded(index) else "chevron-right"
        icons.paint(painter, rect.adjusted(theme.SPACE_S, 0, 0, 0), name, "dim")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self.model().index(0, 0))
        self._show_focus(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_focus(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        current = self.currentIndex()
        if self.hasFocus() and current.isValid():
            row = self.visualRect(current)
            QPainter(self.viewport()).fillRect(0, row.top(), _FOCUS_BAR, row.height() - 1, theme.color("accent"))

    def _show_focus(self, focused: bool) -> None:
        frame = self.parentWidget()
        if frame is not None:
            frame.setProperty("focused", focused)
            repolish(frame)


class PlanPane(QFrame):
    """The frame around the tree."""

    def __init__(self, tree: PlanTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table-frame")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(tree)
