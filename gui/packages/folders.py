# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which folders of a prefix take how much."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.foundation.text import format_bytes, plural, visible
from core.services.package_values import FolderSize
from gui import theme
from gui.packages import words
from gui.widgets.bars import paint_bar
from gui.widgets.cell import CellDelegate, Index, Role
from gui.widgets.empty_state import EmptyState
from gui.widgets.list_model import ListModel
from gui.widgets.table import TablePane, TableView

_ItemRole = Qt.ItemDataRole


class Column(IntEnum):
    FOLDER = 0
    SHARE = 1
    SIZE = 2
    FILES = 3


class FoldersModel(ListModel[FolderSize]):
    titles = words.FOLDER_COLUMNS

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == _ItemRole.TextAlignmentRole and section > Column.SHARE:
            return Qt.AlignmentFlag.AlignRight
        return super().headerData(section, orientation, role)

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], Column(index.column())
        name = visible(row.folder) or "."
        if role == _ItemRole.DisplayRole:
            return (name, "", format_bytes(row.bytes), f"{row.files:,}")[column]
        if role == Role.PROGRESS and column is Column.SHARE:
            return row.bytes / max(1, self.rows[0].bytes)
        if role == _ItemRole.TextAlignmentRole and column > Column.SHARE:
            return Qt.AlignmentFlag.AlignRight
        if role == _ItemRole.AccessibleTextRole and column is Column.FOLDER:
            return f"{name}, {format_bytes(row.bytes)}, {plural(row.files, 'file')}"
        return None


class ShareDelegate(CellDelegate):
    """A bar as long as the share of the largest."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:  # noqa: ARG002
        bar = QRectF(room.left(), room.center().y() - theme.BAR_ROW / 2 + 1, room.width(), theme.BAR_ROW)
        paint_bar(painter, bar, index.data(Role.PROGRESS))

    def inside_width(self, index: Index) -> int:  # noqa: ARG002
        return 0


class FoldersTab(QWidget):
    """Folders as bars, the largest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = FoldersModel(self)
        self.table = TableView(words.FOLDERS)
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.SHARE, ShareDelegate(self.table))
        self.table.arrange(((Column.FOLDER, 180), (Column.SIZE, 90), (Column.FILES, 80)), Column.SHARE)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-folder", words.READING)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, theme.SPACE_S, 0)
        column.addWidget(self.pane)

    def show_folders(self, rows: Sequence[FolderSize]) -> None:
        self.model.show(rows)
        if rows:
            self.pane.show_table()
        else:
            self.show_instead(words.NO_FOLDERS)

    def show_instead(self, text: str) -> None:
        self.empty.show_message("empty-folder", text)
        self.pane.show_instead(self.empty)
