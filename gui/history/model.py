# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The history table's model: the newest first, as the engine sends it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from PySide6.QtCore import Qt

from core.foundation.text import visible
from core.services.history_values import HistoryEntry
from gui.history import words
from gui.widgets.cell import Index, Role
from gui.widgets.list_model import ListModel

_ItemRole = Qt.ItemDataRole


class Column(IntEnum):
    WHEN = 0
    WHAT = 1
    SUBJECT = 2
    WHERE = 3
    WHO = 4
    DETAIL = 5


class HistoryModel(ListModel[HistoryEntry]):
    """Entries never change; a new answer replaces them all."""

    titles = words.COLUMNS

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry, column = self.rows[index.row()], Column(index.column())
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
