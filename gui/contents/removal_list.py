# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything that a plan deletes, line by line: the dry run."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QWidget

from core.foundation.text import format_bytes, short_hash, visible
from core.services.upkeep_values import Dependent, PlannedBlob, PlannedEntry, UpkeepPlan
from gui.contents import removal_words as words
from gui.widgets.cell import Index, Role
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.table import TableView

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
Row = PlannedEntry | PlannedBlob | Dependent


class Column(IntEnum):
    WHAT = 0
    WHY = 1
    DATE = 2
    FREES = 3


_WIDTHS = ((Column.WHY, 250), (Column.DATE, 124), (Column.FREES, 88))


class RemovalModel(QAbstractTableModel):
    """What stays and will lack something comes first, then what goes, in its order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._now = 0.0

    def show_plan(self, found: UpkeepPlan | None) -> None:
        self.beginResetModel()
        self.rows = []
        if found is not None:
            plan = found.plan
            self._now = plan.made_at
            self.rows = [*plan.dependents, *plan.entries, *(blob for blob in plan.blobs if blob.orphan)]
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if section == Column.FREES else None
        return words.COLUMNS[section] if role == _ItemRole.DisplayRole else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], Column(index.column())
        match role:
            case _ItemRole.DisplayRole:
                return self._text(row, column)
            case _ItemRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight if column is Column.FREES else None
            case Role.DETAIL if column is Column.WHAT:
                return _detail(row)
            case Role.TONE:
                warns = isinstance(row, Dependent) and column is Column.WHY
                return "warn" if warns else "text" if column is Column.WHAT else "dim"
            case _ItemRole.ToolTipRole if column is Column.WHAT:
                return _key(row)
            case _ItemRole.AccessibleTextRole if column is Column.WHAT:
                return words.spoken(row)
        return None

    def _text(self, row: Row, column: Column) -> str:
        if isinstance(row, Dependent):
            texts = (visible(row.name), f"{words.STAYS}: {visible(row.needs)}", "", "")
        elif isinstance(row, PlannedBlob):
            texts = (words.UNTAGGED_BLOB, "", "", format_bytes(row.size))
        else:
            age = words.age(row.modified, self._now)
            texts = (words.entry_name(row)[0], words.why(row), age, words.frees(row))
        return texts[column]


def _detail(row: Row) -> tuple[str, ...]:
    if isinstance(row, Dependent):
        return visible(row.version), short_hash(row.hash)
    return (row.digest[:19],) if isinstance(row, PlannedBlob) else words.entry_name(row)[1]


def _key(row: Row) -> str:
    if isinstance(row, Dependent):
        return row.hash
    return row.digest if isinstance(row, PlannedBlob) else "\n".join(filter(None, (visible(row.key), row.digest)))


class RemovalTable(TableView):
    def __init__(self, model: RemovalModel, parent: QWidget | None = None) -> None:
        super().__init__(words.TABLE, parent=parent)
        self.setModel(model)
        self.setItemDelegateForColumn(Column.WHAT, PackageDelegate(self))
        self.arrange(_WIDTHS, Column.WHAT)
