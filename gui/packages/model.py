# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The packages table's model: narrowed, sorted and checked rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import compress

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from core.foundation.text import format_age, short_hash
from core.services.values import PackageRow
from core.spack.specs import PackageState
from gui import messages
from gui.packages.rows import Column, PackageList, Show, checkable, compiler_text, variants_text
from gui.widgets.cell import Index, Look, Role

_NO_PARENT = QModelIndex()
_LOOKS = {
    PackageState.EXTERNAL: Look("external", "dim", messages.STATE_WORDS["external"], quiet=True),
    PackageState.MISSING: Look("triangle", "warn", messages.STATE_WORDS["missing"], quiet=True),
    PackageState.DEPRECATED: Look("slash", "dim", messages.STATE_WORDS["deprecated"], quiet=True),
}
_EXPLICIT = Look("check", "ok", messages.EXPLICIT)
_DEPENDENCY = Look("circle", "dim", messages.DEPENDENCY, quiet=True)
_ItemRole = Qt.ItemDataRole


class PackagesModel(QAbstractTableModel):
    """Rows in, roles out. Check marks belong to packages: they survive narrowing, sorting and refreshing.

    Signal `checked_changed` follows every change of `checked`.
    """

    checked_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._list = PackageList()
        self._listed: list[int] = []  # positions `show` lists, sorted
        self._shown: list[int] = []
        self._words: tuple[str, ...] = ()
        self._show = Show.INSTALLED
        self._sorting: tuple[Column, bool] = (Column.PACKAGE, False)
        self._now = time.time()
        self._checked: set[int] = set()  # positions: far cheaper than hashes where there are many

    # Filling

    def append(self, rows: Sequence[PackageRow]) -> None:
        """More rows of a first load, at the end whatever the sorting; `settle` puts them where they belong."""
        added = self._list.extend(rows)
        listed = self._list.listed(added, self._show)
        self._listed.extend(listed)
        found = self._list.matching(listed, self._words)
        if found:
            self.beginInsertRows(_NO_PARENT, len(self._shown), len(self._shown) + len(found) - 1)
            self._shown.extend(found)
            self.endInsertRows()

    def settle(self) -> None:
        """The first load is complete: sort."""
        self.sort(self._sorting[0], Qt.SortOrder.DescendingOrder if self._sorting[1] else Qt.SortOrder.AscendingOrder)

    def replace(self, rows: PackageList) -> None:
        """Show a new world; check marks of packages that are still there stay."""
        before, checked = len(self._checked), set(self.checked_hashes())
        self.beginResetModel()
        self._list = rows
        self._checked = {at for at in compress(range(len(rows)), rows.pushable) if rows.hashes[at] in checked}
        self._now = time.time()
        self._arrange()
        self.endResetModel()
        if len(self._checked) != before:
            self.checked_changed.emit()

    def clear(self) -> None:
        """Forget everything, check marks too."""
        self._set_checked(set())
        self.replace(PackageList())

    # Narrowing

    def set_filter(self, text: str) -> None:
        """Show only rows with all words of `text`. A longer text narrows what is shown instead of starting over."""
        words = tuple(text.lower().split())
        if words == self._words:
            return
        narrower = bool(self._words) and all(any(old in new for new in words) for old in self._words)
        self.beginResetModel()
        self._words = words
        self._shown = self._list.matching(self._shown if narrower else self._listed, words)
        self.endResetModel()

    def set_show(self, show: Show) -> None:
        if show is not self._show:
            self.beginResetModel()
            self._show = show
            self._arrange()
            self.endResetModel()

    def _arrange(self) -> None:
        order = self._list.order_by(self._sorting[0], descending=self._sorting[1])
        self._listed = self._list.listed(order, self._show)
        self._shown = self._list.matching(self._listed, self._words)

    # Asking

    @property
    def total(self) -> int:
        """Rows there are, shown or not."""
        return len(self._list)

    @property
    def listed(self) -> int:
        """Rows there would be without a filter text."""
        return len(self._listed)

    def row_at(self, row: int) -> PackageRow:
        return self._list.rows[self._shown[row]]

    def find(self, dag_hash: str) -> int | None:
        """Where `dag_hash` is shown."""
        hashes = self._list.hashes
        return next((row for row, at in enumerate(self._shown) if hashes[at] == dag_hash), None)

    def count_checkable(self) -> int:
        """How many of the rows shown can be checked."""
        return sum(map(self._list.pushable.__getitem__, self._shown))

    @property
    def checked(self) -> int:
        """How many packages are checked."""
        return len(self._checked)

    def checked_hashes(self) -> tuple[str, ...]:
        """The hashes of what is checked, in the order the rows came in."""
        hashes = self._list.hashes
        return tuple([hashes[at] for at in sorted(self._checked)])

    def checked_hidden(self) -> int:
        """How many check marks the filter hides."""
        return len(self._checked) - len(self._checked.intersection(self._shown)) if self._checked else 0

    # Checking

    def toggle(self, rows: Iterable[int]) -> None:
        """Check these rows, or uncheck them if all were checked."""
        places = {at for at in (self._shown[row] for row in rows) if self._list.pushable[at]}
        self._set_checked(self._checked - places if places <= self._checked else self._checked | places)

    def check_shown(self) -> None:
        pushable = self._list.pushable
        self._set_checked(self._checked.union([at for at in self._shown if pushable[at]]))

    def check_none(self) -> None:
        self._set_checked(set())

    def _set_checked(self, places: set[int]) -> None:
        if places == self._checked:
            return
        self._checked = places
        if self._shown:
            last = len(self._shown) - 1
            roles = [_ItemRole.CheckStateRole, _ItemRole.AccessibleTextRole]
            self.dataChanged.emit(self.index(0, Column.CHECK), self.index(last, Column.PACKAGE), roles)
        self.checked_changed.emit()

    # Qt

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.DisplayRole:
            return messages.PACKAGE_COLUMNS[section]
        if role == _ItemRole.AccessibleTextRole and section == Column.CHECK:
            return messages.CHECK_COLUMN
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        if index.isValid() and index.column() == Column.CHECK and checkable(self.row_at(index.row())):
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        at = self._shown[index.row()]
        row = self._list.rows[at]
        column = Column(index.column())
        answer = _ROLES.get(role)
        if answer is not None:
            return answer(row, column)
        if role == _ItemRole.DisplayRole and column is Column.INSTALLED:
            return format_age(self._now - row.installed_at) if row.installed_at else messages.NONE
        if role == _ItemRole.DisplayRole:
            return _TEXTS[column](row) if column in _TEXTS else ""
        if role == _ItemRole.CheckStateRole and column is Column.CHECK:
            return Qt.CheckState.Checked if at in self._checked else Qt.CheckState.Unchecked
        if role == _ItemRole.AccessibleTextRole and column <= Column.PACKAGE:
            return _sentence(row, checked=at in self._checked)
        if role == _ItemRole.AccessibleTextRole and column is Column.VARIANTS:
            return row.variants
        return None

    def setData(self, index: Index, value: object, role: int = _ItemRole.EditRole) -> bool:
        if role != _ItemRole.CheckStateRole or not self.flags(index) & Qt.ItemFlag.ItemIsUserCheckable:
            return False
        place = {self._shown[index.row()]}
        checked = Qt.CheckState(value) is Qt.CheckState.Checked
        self._set_checked(self._checked | place if checked else self._checked - place)
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (Column(column), order is Qt.SortOrder.DescendingOrder)
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self._shown[index.row()]) for index in self.persistentIndexList()]
        self._arrange()
        if kept:
            places = {at: row for row, at in enumerate(self._shown)}
            moved = [self.index(places[at], index.column()) for index, at in kept]
            self.changePersistentIndexList([index for index, _ in kept], moved)
        self.layoutChanged.emit()


def _look(row: PackageRow) -> Look:
    other = _LOOKS.get(PackageState(row.state))
    return other or (_EXPLICIT if row.explicit else _DEPENDENCY)


def _tone(row: PackageRow, column: Column) -> str:
    if not checkable(row):
        return "faint"
    return "text" if column in (Column.PACKAGE, Column.VERSION) else "dim"


def _tip(row: PackageRow, column: Column) -> str | None:
    if column in (Column.CHECK, Column.STATE):
        usual = messages.EXPLICIT_TIP if row.explicit else messages.DEPENDENCY_TIP
        return messages.STATE_TIPS.get(row.state, usual if column is Column.STATE else None)
    if column is Column.INSTALLED and row.installed_at:
        return datetime.fromtimestamp(row.installed_at).astimezone().strftime("%Y-%m-%d %H:%M")
    if column is Column.COMPILER:
        return row.compilers or None
    if column is Column.TARGET:
        return f"{row.platform}-{row.os}-{row.target}"
    if column is Column.VARIANTS:
        return row.variants or None
    return None


def _sentence(row: PackageRow, *, checked: bool) -> str:
    parts = [f"{row.name} {row.version}", short_hash(row.hash), compiler_text(row.compilers), row.target]
    parts += [_look(row).word.lower(), "selected" if checked else ""]
    return ", ".join(part for part in parts if part)


def _detail(row: PackageRow, column: Column) -> tuple[str, ...]:
    if column is not Column.PACKAGE:
        return ()
    return (short_hash(row.hash), messages.UPSTREAM) if row.upstream else (short_hash(row.hash),)


_TEXTS: dict[Column, Callable[[PackageRow], str]] = {
    Column.PACKAGE: lambda row: row.name,
    Column.VERSION: lambda row: row.version,
    Column.COMPILER: lambda row: compiler_text(row.compilers) or messages.NONE,
    Column.TARGET: lambda row: row.target,
    Column.VARIANTS: lambda row: variants_text(row.variants),
    Column.STATE: lambda row: _look(row).word,
}
_ROLES: dict[int, Callable[[PackageRow, Column], object]] = {
    Role.OBJECT: lambda row, _column: row,
    Role.TONE: _tone,
    Role.DETAIL: _detail,
    Role.LOOK: lambda row, column: _look(row) if column is Column.STATE else None,
    _ItemRole.ToolTipRole: _tip,
}
