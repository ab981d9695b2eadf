# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What several instances have, a line for every package and a column for every instance."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from core.foundation.text import short_hash, visible
from core.services.values import InstanceInfo, PackageRow
from gui.packages import cells, words
from gui.packages.facts import Facts
from gui.packages.rows import Column, Narrowing, PackageList, Show
from gui.packages.slices import Steps, slices
from gui.widgets.cell import Index, Look, Role
from gui.widgets.stepping import Stepper

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
COLUMNS = (Column.PACKAGE, Column.VERSION, Column.COMPILER, Column.TARGET)
_UNREAD = Look("error", "warn", words.NOT_READ, quiet=True)


class Which(StrEnum):
    """Lines by how many of the instances have them."""

    ALL = "all"
    EVERYWHERE = "everywhere"
    NOT_EVERYWHERE = "not-everywhere"
    ONE = "one"


class InstancesModel(QAbstractTableModel):
    """A hash means the same package wherever it is installed; each instance has its own record of it.

    `arranged` follows every change of what is shown.
    """

    arranged = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.instances: tuple[InstanceInfo, ...] = ()
        self.failed: set[InstanceInfo] = set()  # could not be read
        self._packages = PackageList()
        self._records: tuple[dict[str, PackageRow], ...] = ()
        self._facts = Facts()
        self._lines: list[int] = []
        self._words: tuple[str, ...] = ()
        self._which = Which.ALL
        self._sorting = (Column.PACKAGE, False)
        self._stepper = Stepper(self)

    # ---- filling ----

    def start_over(self, instances: Sequence[InstanceInfo]) -> None:
        """Show nothing yet of these instances."""
        self._stepper.stop()
        self.beginResetModel()
        self.instances, self.failed = tuple(instances), set()
        self._packages, self._lines = PackageList(), []
        self._records = tuple({} for _ in self.instances)
        self.endResetModel()
        self.arranged.emit()

    def add(self, instance: InstanceInfo, rows: Sequence[PackageRow]) -> None:
        """Records of one of the instances; `arrange` shows them."""
        known = self._packages.places
        self._packages.extend([row for row in rows if row.hash not in known])
        self._records[self.instances.index(instance)].update((row.hash, row) for row in rows)

    def arrange(self) -> None:
        """Sort and narrow all that is known, in steps."""
        self._stepper.run(self._arranging())

    def narrow(self, text: str, which: Which) -> None:
        """Show only packages with all the words of `text`, by how many instances have them."""
        self._words, self._which = tuple(text.lower().split()), which
        self.arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(COLUMNS):
            self._sorting = (COLUMNS[column], order is Qt.SortOrder.DescendingOrder)
            self.arrange()

    def _arranging(self) -> Steps[None]:
        column, descending = self._sorting
        packages = self._packages
        order = yield from packages.ordering(column, self._facts, descending=descending)
        found = yield from packages.narrowing(order, Narrowing(Show.ALL, self._words), self._facts)
        lines: list[int] = []
        for part in slices(found):
            lines += [at for at in part if self._fits(packages.hashes[at])]
            yield
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()
        self.arranged.emit()

    def _fits(self, dag_hash: str) -> bool:
        if self._which is Which.ALL:
            return True
        count = sum(dag_hash in records for records in self._records)
        everywhere = count == len(self._records)
        return {Which.EVERYWHERE: everywhere, Which.NOT_EVERYWHERE: not everywhere, Which.ONE: count == 1}[self._which]

    # ---- asking ----

    @property
    def total(self) -> int:
        return len(self._packages)

    def row_at(self, row: int) -> PackageRow:
        """The package of a line, as the first instance that has it tells of it."""
        return self._packages.rows[self._lines[row]]

    def record(self, row: int, instance: InstanceInfo) -> PackageRow | None:
        """What `instance` has of that line."""
        return self._records[self.instances.index(instance)].get(self.row_at(row).hash)

    def holders(self, row: int) -> list[InstanceInfo]:
        """The instances that have the package of that line."""
        return [instance for instance in self.instances if self.record(row, instance) is not None]

    def instance_at(self, index: Index) -> InstanceInfo | None:
        """The instance of the column; elsewhere the first that has the package."""
        number = index.column() - len(COLUMNS)
        if number >= 0:
            return self.instances[number]
        return next(iter(self.holders(index.row())), None)

    # ---- Qt ----

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(COLUMNS) + len(self.instances)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        number = section - len(COLUMNS)
        if number < 0:
            return words.COLUMNS[COLUMNS[section]] if role == _ItemRole.DisplayRole else None
        if role == _ItemRole.DisplayRole:
            return words.instance_names(self.instances)[number]
        return words.instance_tip(self.instances[number]) if role == _ItemRole.ToolTipRole else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row, number = self.row_at(index.row()), index.column() - len(COLUMNS)
        if number >= 0:
            failed = self.instances[number] in self.failed
            return self._record_data(self._records[number].get(row.hash), role, failed=failed)
        column = COLUMNS[index.column()]
        match role:
            case _ItemRole.DisplayRole:
                return cells.text(row, column, self._facts)
            case _ItemRole.ToolTipRole:
                return cells.tip(row, column, self._facts)
            case Role.DETAIL:
                return (short_hash(row.hash),) if column is Column.PACKAGE else ()
            case Role.TONE:
                return "text" if column in (Column.PACKAGE, Column.VERSION) else "dim"
            case _ItemRole.AccessibleTextRole if column is Column.PACKAGE:
                return self._sentence(index.row())
        return None

    def _record_data(self, record: PackageRow | None, role: int, *, failed: bool) -> object:
        look = cells.note_look(record, self._facts) if record is not None else _UNREAD if failed else None
        match role:
            case _ItemRole.DisplayRole:
                return look.word if look is not None else words.NOT_THERE
            case Role.TONE:
                return "faint"
            case Role.LOOK:
                return look
            case _ItemRole.ToolTipRole:
                return visible(record.prefix) or None if record is not None else None
        return None

    def _sentence(self, line: int) -> str:
        row = self.row_at(line)
        names = dict(zip(self.instances, words.instance_names(self.instances), strict=True))
        where = ", ".join(names[each] for each in self.holders(line))
        return visible(f"{row.name} {row.version}, {short_hash(row.hash)}, {row.target}, in {where}")
