# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The packages table's model: narrowed, sorted, grouped and checked rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from core.services.values import PackageRow
from gui import messages
from gui.packages import cells, words
from gui.packages.facts import Facts
from gui.packages.grouping import Group, Grouped, grouped
from gui.packages.rows import Column, Narrowing, PackageList, Show, checkable
from gui.packages.slices import SLICE, Steps, finish
from gui.widgets.cell import Index, Role
from gui.widgets.stepping import Stepper

_SHOWN_AT_FIRST = 1000
_NO_PARENT = QModelIndex()
_COLUMNS = tuple(Column)
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
_CHECKABLE = _FLAGS | Qt.ItemFlag.ItemIsUserCheckable
_ItemRole = Qt.ItemDataRole


class PackagesModel(QAbstractTableModel):
    """Rows in, roles out. Check marks belong to packages: they survive narrowing, sorting and refreshing.

    A line is a package (its position in the list) or, with a number below zero, a section heading. With very many rows
    sorting and narrowing go on in steps while the old lines stay; `arranged` follows every change of what is shown.
    `checked_changed` follows every change of `checked`.
    """

    checked_changed = Signal()
    arranged = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.facts = Facts()
        self.packages = PackageList()
        self.narrowing = Narrowing()
        self.group = Group.NONE
        self._order: list[int] = []  # all positions, sorted
        self._ordered_by: tuple[Column, bool] | None = None
        self._found: list[int] = []  # positions shown, sorted
        self._found_by: Narrowing | None = None
        self._shown = Grouped(self._found, ())
        self._sorting: tuple[Column, bool] = (Column.PACKAGE, False)
        self._checked: set[int] = set()  # positions: far cheaper than hashes where there are many
        self._stepper = Stepper(self)
        self._discarding = Stepper(self)

    # ---- filling ----

    def append(self, rows: Sequence[PackageRow]) -> None:
        """More rows of a first load, at the end whatever the sorting; `settle` puts them where they belong.

        Only some screens full of them are shown until then: every row more would paint the table once more.
        """
        self._stepper.stop()
        added = self.packages.extend(rows)
        self._order.extend(added)
        self._ordered_by = None
        if len(self._found) >= _SHOWN_AT_FIRST:
            return
        found = finish(self.packages.narrowing(added, self.narrowing, self.facts))
        if found:
            first = len(self._shown.lines)
            self.beginInsertRows(_NO_PARENT, first, first + len(found) - 1)
            self._found.extend(found)
            if self._shown.lines is not self._found:
                self._shown.lines.extend(found)
            self.endInsertRows()

    def settle(self) -> None:
        """The first load is complete: sort and group."""
        self._arrange()

    def update(self, rows: Sequence[PackageRow], gone: Iterable[str]) -> None:
        """`rows` are new or have changed, and the packages of `gone` are there no more; all others stay."""
        self._stepper.stop()
        hashes, before = self.packages.hashes, self._checked
        unused = self.packages.remove({*gone, *(row.hash for row in rows)})
        lost = {hashes[at] for at in before & unused}
        added = self.packages.extend(rows)
        pushable = self.packages.pushable
        self._checked = (before - unused) | {at for at in added if pushable[at] and hashes[at] in lost}
        self._ordered_by = self._found_by = None
        self._arrange()
        if self._checked != before:
            self.checked_changed.emit()

    def replace(self, rows: PackageList) -> None:
        """Show a new world; check marks of packages that are still there stay."""
        before, checked = len(self._checked), self.checked_hashes()
        self._stepper.stop()
        self._discarding.run(self.packages.discarding())
        self.beginResetModel()
        self.packages = rows
        self._order, self._found = [], []
        self._shown = Grouped(self._found, ())
        self._ordered_by = self._found_by = None
        self._checked = {rows.places[each] for each in checked if each in rows.places}
        self._checked = {at for at in self._checked if rows.pushable[at]}
        self.endResetModel()
        if len(self._checked) != before:
            self.checked_changed.emit()
        self._arrange()

    def clear(self) -> None:
        """Forget everything, check marks too."""
        self._set_checked(set())
        self.replace(PackageList())

    # ---- narrowing, sorting, grouping ----

    def narrow(self, narrowing: Narrowing) -> None:
        """Show only what `narrowing` lets through."""
        if narrowing != self.narrowing:
            self.narrowing = narrowing
            self._arrange()

    def set_group(self, group: Group) -> None:
        if group is not self.group:
            self.group = group
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (Column(column), order is Qt.SortOrder.DescendingOrder)
        self._arrange()

    def facts_changed(self, *columns: Column, narrowing: bool = False) -> None:
        """Something more is known: tell it, and sort (or narrow) again if that depends on it."""
        if self._sorting[0] in columns and self._sorting[0] is not Column.PACKAGE:
            self._ordered_by = None
        if narrowing:
            self._found_by = None
        if self._ordered_by is None or self._found_by is None or self.group is Group.ENVIRONMENT:
            self._arrange()
        else:
            for column in columns:
                self.show_again(column)

    def show_again(self, column: Column) -> None:
        """What this column says has changed; the order stays."""
        if self._shown.lines:
            self.dataChanged.emit(self.index(0, column), self.index(len(self._shown.lines) - 1, column))

    def _arrange(self) -> None:
        steps = self._arranging()
        if len(self.packages) <= SLICE:
            self._stepper.stop()
            finish(steps)
        else:
            self._stepper.run(steps)

    def _arranging(self) -> Steps[None]:
        """Sort, narrow and group as far as what was asked for differs from what there is; then show it."""
        column, descending = self._sorting
        order, found = self._order, self._found
        resort = self._ordered_by != self._sorting
        if resort:
            order = yield from self.packages.ordering(column, self.facts, descending=descending)
        wanted, before = self.narrowing, self._found_by
        if resort or before is None or wanted != before:
            base = found if not resort and before is not None and wanted.narrows(before) else order
            found = yield from self.packages.narrowing(base, wanted, self.facts)
            if wanted.first:
                found = self.packages.put_first(found, wanted.first)
        shown = yield from grouped(self.packages, found, self.group, self.facts)
        self.beginResetModel()
        self._order, self._ordered_by = order, self._sorting
        self._found, self._found_by = found, wanted
        self._shown = shown
        self.endResetModel()
        self._stepper.stop()  # whoever is told must not find this busy any more
        self.arranged.emit()

    # ---- asking ----

    @property
    def busy(self) -> bool:
        """Whether the rows shown are not yet those asked for."""
        return self._stepper.running

    @property
    def total(self) -> int:
        """Records there are, shown or not."""
        return len(self.packages)

    @property
    def found(self) -> int:
        """How many packages are shown."""
        return len(self._found)

    def found_rows(self) -> Iterator[PackageRow]:
        """The packages that are shown, in their order."""
        return map(self.packages.rows.__getitem__, self._found)

    def line(self, row: int) -> int:
        """What the row shows: the position of a package, below zero a section."""
        return self._shown.lines[row]

    def row_of(self, line: int) -> int | None:
        """Where `line` is shown."""
        try:
            return self._shown.lines.index(line)
        except ValueError:
            return None

    def package_at(self, row: int) -> PackageRow | None:
        """The package the row shows; None for a section."""
        at = self._shown.lines[row]
        return self.packages.rows[at] if at >= 0 else None

    def row_at(self, row: int) -> PackageRow:
        """The package the row shows, which must not be a section."""
        return self.packages.rows[self._shown.lines[row]]

    def find(self, dag_hash: str) -> int | None:
        """Where `dag_hash` is shown."""
        at = self.packages.places.get(dag_hash)
        return None if at is None else self.row_of(at)

    def count_checkable(self) -> int:
        """How many of the packages shown can be checked."""
        return len(self._found) if self._all_checkable else sum(map(self.packages.pushable.__getitem__, self._found))

    @property
    def _all_checkable(self) -> bool:
        return self.narrowing.show in (Show.INSTALLED, Show.EXPLICIT, Show.IMPLICIT)

    @property
    def checked(self) -> int:
        """How many packages are checked."""
        return len(self._checked)

    def checked_hashes(self) -> tuple[str, ...]:
        """The hashes of what is checked, in the order the rows came in."""
        hashes = self.packages.hashes
        return tuple([hashes[at] for at in sorted(self._checked)])

    def checked_hidden(self) -> int:
        """How many check marks the filter hides."""
        if len(self._found) >= self.packages.installed and self.narrowing.show is Show.INSTALLED:
            return 0  # all that can be checked is shown
        return len(self._checked) - len(self._checked.intersection(self._found)) if self._checked else 0

    # ---- checking ----

    def toggle(self, rows: Iterable[int]) -> None:
        """Check these rows, or uncheck them if all were checked."""
        lines = self._shown.lines
        places = {lines[row] for row in rows if lines[row] >= 0 and self.packages.pushable[lines[row]]}
        self._set_checked(self._checked - places if places <= self._checked else self._checked | places)

    def check(self, hashes: Iterable[str]) -> int:
        """Check these packages too, as far as they can be; returns how many were not checked before."""
        places, pushable = self.packages.places, self.packages.pushable
        found = {places[each] for each in hashes if each in places and pushable[places[each]]}
        added = len(found - self._checked)
        self._set_checked(self._checked | found)
        return added

    def check_shown(self) -> None:
        # Sets are made of the whole list at once: of 200,000 rows that is felt otherwise.
        chosen = map(self.packages.pushable.__getitem__, self._found)
        shown = set(self._found if self._all_checkable else compress(self._found, chosen))
        self._set_checked(self._checked | shown if self._checked else shown)

    def check_none(self) -> None:
        self._set_checked(set())

    def _set_checked(self, places: set[int]) -> None:
        if places == self._checked:
            return
        self._checked = places
        if self._shown.lines:
            last = len(self._shown.lines) - 1
            roles = [_ItemRole.CheckStateRole, _ItemRole.AccessibleTextRole]
            self.dataChanged.emit(self.index(0, Column.CHECK), self.index(last, Column.PACKAGE), roles)
        self.checked_changed.emit()

    # ---- Qt ----

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shown.lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.DisplayRole:
            return words.COLUMNS[section]
        if role == _ItemRole.TextAlignmentRole and section in cells.RIGHT_ALIGNED:
            return Qt.AlignmentFlag.AlignRight
        if role == _ItemRole.AccessibleTextRole and section == Column.CHECK:
            return messages.CHECK_COLUMN
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if index.column() != Column.CHECK:
            return _FLAGS
        row = self.package_at(index.row())
        return _CHECKABLE if row is not None and checkable(row) else _FLAGS

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        at = self._shown.lines[index.row()]
        column = _COLUMNS[index.column()]
        if at < 0:
            return self._section_data(self._shown.sections[~at], column, role)
        row = self.packages.rows[at]
        if role == _ItemRole.DisplayRole:
            return cells.text(row, column, self.facts)
        if role == _ItemRole.CheckStateRole and column is Column.CHECK:
            return Qt.CheckState.Checked if at in self._checked else Qt.CheckState.Unchecked
        if role == _ItemRole.AccessibleTextRole and column <= Column.PACKAGE:
            return cells.sentence(row, self.facts, checked=at in self._checked)
        if role == _ItemRole.AccessibleTextRole and column is Column.VARIANTS:
            return row.variants
        return self._other_data(row, column, role)

    def _other_data(self, row: PackageRow, column: Column, role: int) -> object:
        if role == Role.OBJECT:
            return row
        if role == Role.TONE:
            return cells.tone(row, column)
        if role == Role.DETAIL:
            return cells.detail(row, column, self.facts)
        if role == Role.LOOK:
            return cells.look(row, column, self.facts)
        if role == _ItemRole.ToolTipRole:
            return cells.tip(row, column, self.facts)
        if role == _ItemRole.TextAlignmentRole and column in cells.RIGHT_ALIGNED:
            return Qt.AlignmentFlag.AlignRight
        return None

    def _section_data(self, section: tuple[str, int], column: Column, role: int) -> object:
        title, count = section
        if role == Role.GROUND:
            return "track"
        if column is Column.PACKAGE and role == _ItemRole.DisplayRole:
            return title
        if column is Column.PACKAGE and role == Role.DETAIL:
            return (f"{count:,}",)
        if role == _ItemRole.AccessibleTextRole and column <= Column.PACKAGE:
            return words.section_sentence(title, count)
        return "" if role == _ItemRole.DisplayRole else None

    def setData(self, index: Index, value: object, role: int = _ItemRole.EditRole) -> bool:
        if role != _ItemRole.CheckStateRole or not self.flags(index) & Qt.ItemFlag.ItemIsUserCheckable:
            return False
        place = {self._shown.lines[index.row()]}
        checked = Qt.CheckState(value) is Qt.CheckState.Checked
        self._set_checked(self._checked | place if checked else self._checked - place)
        return True
