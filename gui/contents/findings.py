# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The list of what a verification brings to light."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QWidget

from core.services.verify_values import Finding, Remedy
from gui.contents import verify_words as words
from gui.widgets.cell import CellDelegate, Index, Look, Role
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_NO_PARENT = QModelIndex()
_WIDTHS = ((0, 190), (2, 110))


class Column(IntEnum):
    KIND = 0
    SUBJECT = 1
    REMEDY = 2


class FindingsModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.findings: list[Finding] = []

    def clear(self) -> None:
        self.beginResetModel()
        self.findings = []
        self.endResetModel()

    def add(self, findings: Sequence[Finding]) -> None:
        if findings:
            count = len(self.findings)
            self.beginInsertRows(_NO_PARENT, count, count + len(findings) - 1)
            self.findings += findings
            self.endInsertRows()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.findings)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        shown = orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return words.COLUMNS[section] if shown else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        finding, column = self.findings[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (words.KINDS[finding.kind], words.subject(finding), words.remedy(finding))[column]
            case Role.LOOK if column is Column.KIND:
                return _look(finding)
            case Role.TONE:
                return "dim" if finding.harmless or column is Column.REMEDY else "text"
            case Role.OBJECT:
                return finding
            case Qt.ItemDataRole.ToolTipRole:
                return words.detail(finding)
            case Qt.ItemDataRole.AccessibleTextRole if column is Column.KIND:
                return words.spoken(finding)
        return None


def _look(finding: Finding) -> Look:
    word = words.KINDS[finding.kind]
    if finding.harmless:
        return Look("info", "dim", word, quiet=True)
    if finding.remedy in (Remedy.REINDEX, Remedy.MARK):
        return Look("triangle", "warn", word)
    return Look("error", "bad", word)


class FindingsTable(TableView):
    def __init__(self, model: FindingsModel, parent: QWidget | None = None) -> None:
        super().__init__(words.TABLE, parent=parent)
        self.setModel(model)
        self.setItemDelegateForColumn(Column.KIND, StateDelegate(self))
        self.setItemDelegateForColumn(Column.SUBJECT, CellDelegate(self, Qt.TextElideMode.ElideMiddle))
        self.arrange(_WIDTHS, Column.SUBJECT)
