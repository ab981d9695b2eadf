# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which packages take the space, as bars, the largest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from core.foundation.text import format_bytes
from gui import messages
from gui.contents import words
from gui.contents.rows import Contents, Group, Section
from gui.widgets.bar_delegate import BarDelegate
from gui.widgets.cell import Index, Role
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.stepping import Stepper
from gui.widgets.table import TableView

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole


class SpaceColumn(IntEnum):
    NAME = 0
    SHARE = 1
    SIZE = 2
    DOUBLE = 3
    SHARED = 4


_WIDTHS = (
    (SpaceColumn.SHARE, 260),
    (SpaceColumn.SIZE, 88),
    (SpaceColumn.DOUBLE, 104),
    (SpaceColumn.SHARED, 88),
)


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """`doubles` are entries beyond the first of the same name, version and target; `shared_bytes` would be stored once
    more if each entry had an archive of its own."""

    title: str
    filter: str
    entries: int
    stored_bytes: int
    doubles: int
    shared_bytes: int


def space_row(contents: Contents, group: Group) -> SpaceRow:
    """What is shown of one group."""
    entries = [contents.rows[key] for key in group.shown]
    is_package = group.key[0] is Section.PACKAGES
    builds = Counter((row.version, row.target) for row in entries) if is_package else Counter[tuple[str, str]]()
    stored = contents.size_of(group.shown) or 0
    apart = sum(row.stored_bytes or 0 for row in entries)
    return SpaceRow(
        title=group.title,
        filter=group.key[1] if is_package else "",
        entries=len(entries),
        stored_bytes=stored,
        doubles=sum(count - 1 for count in builds.values()),
        shared_bytes=apart - stored,
    )


class SpaceModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[SpaceRow] = []
        self._total = 0
        self._stepper = Stepper(self)

    def show_contents(self, contents: Contents) -> None:
        """A line for each group of what is shown, the largest first, as soon as all are summed up."""
        self._stepper.run(self._sum_up(contents))

    def leave(self) -> None:
        self._stepper.stop()

    @property
    def busy(self) -> bool:
        return self._stepper.running

    def _sum_up(self, contents: Contents) -> Iterator[None]:
        rows = []
        for group in list(contents.groups.values()):
            if group.shown:
                rows.append(space_row(contents, group))
                yield
        self.beginResetModel()
        self.rows = sorted(rows, key=lambda row: (-row.stored_bytes, row.title))
        self._total = sum(row.stored_bytes for row in self.rows)
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(SpaceColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if section > SpaceColumn.SHARE else None
        return words.SPACE_COLUMNS[section] if role == _ItemRole.DisplayRole else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], SpaceColumn(index.column())
        match role:
            case _ItemRole.DisplayRole:
                return self._text(row, column)
            case Role.DETAIL if column is SpaceColumn.NAME:
                return (words.entries(row.entries),)
            case Role.PROGRESS if column is SpaceColumn.SHARE:
                return row.stored_bytes / self._total if self._total else 0.0
            case Role.TONE:
                return "text" if column is SpaceColumn.NAME else "dim"
            case _ItemRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight if column > SpaceColumn.SHARE else None
            case _ItemRole.AccessibleTextRole if column is SpaceColumn.NAME:
                return words.space_sentence(row.title, row.entries, row.stored_bytes, row.doubles)
        return None

    def _text(self, row: SpaceRow, column: SpaceColumn) -> str:
        match column:
            case SpaceColumn.NAME:
                return row.title
            case SpaceColumn.SIZE:
                return format_bytes(row.stored_bytes)
            case SpaceColumn.DOUBLE:
                return f"{row.doubles:,}" if row.doubles else messages.NONE
            case SpaceColumn.SHARED:
                return format_bytes(row.shared_bytes) if row.shared_bytes else messages.NONE
        return ""


class SpaceTable(TableView):
    """`name_wanted(name)` follows Return and a double click on a package."""

    name_wanted = Signal(str)

    def __init__(self, model: SpaceModel, parent: QWidget | None = None) -> None:
        super().__init__(words.SPACE_TABLE, "contents-space", parent)
        self._space = model
        self.setModel(model)
        self.setItemDelegateForColumn(SpaceColumn.NAME, PackageDelegate(self))
        self.setItemDelegateForColumn(SpaceColumn.SHARE, BarDelegate(self))
        self.arrange(_WIDTHS, SpaceColumn.NAME)
        self.activated.connect(self._on_activated)

    def _on_activated(self, index: QModelIndex) -> None:
        if name := self._space.rows[index.row()].filter:
            self.name_wanted.emit(name)
