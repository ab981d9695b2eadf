# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The history table's model: the newest first, as the engine sends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from core.foundation.text import visible
from core.services.history_values import HistoryEntry
from gui.history import words
from gui.widgets.cell import Index, Role

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole


class Column(IntEnum):
    WHEN = 0
    WHAT = 1
    SUBJECT = 2
    WHERE = 3
    WHO = 4
    DETAIL = 5


class HistoryModel(QAbstractTableModel):
    """Entries never change; a new answer replaces them all."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: Sequence[HistoryEntry] = ()

    def show(self, entries: Sequence[HistoryEntry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == _ItemRole.DisplayRole:
            return words.COLUMNS[section]
        return None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry, column = self.entries[index.row()], Column(index.column())
        match column, role:
            case _, _ItemRole.DisplayRole:
                return _TEXTS[column](entry)
            case Column.WHERE, _ItemRole.ToolTipRole:
                return visible(entry.url or entry.where)
            case Column.SUBJECT, _ItemRole.ToolTipRole:
                return visible(entry.hash) or None
            case Column.DETAIL, _ItemRole.ToolTipRole:
                return visible(entry.detail) or None
            case Column.WHEN, _ItemRole.AccessibleTextRole:
                return words.spoken(entry)
            case _, Role.OBJECT:
                return entry
            case _, Role.TONE:
                return "text" if column in (Column.WHAT, Column.SUBJECT) else "dim"
        return None


_TEXTS: dict[Column, Callable[[HistoryEntry], str]] = {
    Column.WHEN: words.when,
    Column.WHAT: words.what,
    Column.SUBJECT: words.subject,
    Column.WHERE: lambda entry: visible(entry.where),
    Column.WHO: lambda entry: visible(entry.who),
    Column.DETAIL: lambda entry: visible(entry.detail),
}
