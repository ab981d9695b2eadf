# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The packages table: keeps its place by package, whatever the model does."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QTableView, QWidget

from core.services.values import PackageRow
from gui import messages, theme
from gui.packages.model import PackagesModel
from gui.packages.rows import Column
from gui.widgets.check_delegate import CheckDelegate
from gui.widgets.column_choice import ColumnChoice
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_WIDTHS = (
    (Column.CHECK, 40),
    (Column.PACKAGE, 204),
    (Column.VERSION, 82),
    (Column.COMPILER, 104),
    (Column.TARGET, 90),
    (Column.SIZE, 76),
    (Column.INSTALLED, 112),
    (Column.MIRRORS, 112),
    (Column.NOTE, 176),
    (Column.EXPLICIT, 70),
    (Column.NAMESPACE, 90),
    (Column.ENVIRONMENTS, 140),
    (Column.PREFIX_LENGTH, 104),
    (Column.TREE, 180),
    (Column.HASH, 280),
)
_FIRST_HIDDEN = (
    *(Column.EXPLICIT, Column.NAMESPACE, Column.ENVIRONMENTS, Column.PREFIX_LENGTH, Column.TREE, Column.HASH),
)
_SPARED = (
    *((Column.INSTALLED, 1080), (Column.NOTE, 960), (Column.COMPILER, 880), (Column.TARGET, 700)),
    (Column.VERSION, 560),
)
_MOST_RESTORED = 500


class PackagesTable(TableView):
    """`current_changed` follows every change of the current package, `scrolled` of what is in sight.

    The current package, the selected ones and the first one in sight stay through narrowing, sorting and refreshing.
    """

    current_changed = Signal()
    scrolled = Signal()

    def __init__(self, model: PackagesModel, parent: QWidget | None = None) -> None:
        super().__init__(messages.PACKAGES_TABLE, "packages", parent)
        self._packages = model
        self._current = ""
        self._selected: frozenset[str] = frozenset()
        self._top = ""
        self._restoring = False
        self.setModel(model)
        self.setItemDelegateForColumn(Column.CHECK, CheckDelegate(self))
        self.setItemDelegateForColumn(Column.PACKAGE, PackageDelegate(self))
        for column in (Column.NOTE, Column.MIRRORS):
            self.setItemDelegateForColumn(column, StateDelegate(self))
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.horizontalHeader().setSortIndicator(Column.PACKAGE, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.arrange(_WIDTHS, Column.VARIANTS)
        for spared, below in _SPARED:
            self.spare((spared,), below)
        self.columns = ColumnChoice(self, tuple(Column)[Column.VERSION :], _FIRST_HIDDEN)
        model.modelAboutToBeReset.connect(self._remember_place)
        model.modelReset.connect(self._restore_place)
        self.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.verticalScrollBar().valueChanged.connect(self.scrolled)

    # ---- the current package ----

    @property
    def current_hash(self) -> str:
        """The package chosen last; it stays while the filter hides it."""
        return self._current

    def current(self) -> PackageRow | None:
        """The package with the keyboard; None for none and for a heading."""
        index = self.currentIndex()
        return self._packages.package_at(index.row()) if index.isValid() else None

    def chosen(self) -> list[PackageRow]:
        """All selected packages, from top to bottom."""
        rows = (self._packages.package_at(row) for row in self.selected_rows())
        return [row for row in rows if row is not None]

    def show_package(self, dag_hash: str) -> bool:
        """Choose the package; False if it is not shown."""
        row = self._packages.find(dag_hash)
        if row is None:
            return False
        self.select_row(row)
        self.scrollTo(self._packages.index(row, Column.PACKAGE))
        return True

    def hashes_in_sight(self) -> list[str]:
        """The packages that are on the screen."""
        first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
        end = self._packages.rowCount() if last < 0 else last + 1
        rows = (self._packages.package_at(row) for row in range(max(first, 0), end))
        return [row.hash for row in rows if row is not None]

    def _on_current_changed(self, index: QModelIndex) -> None:
        if self._restoring:
            return
        row = self._packages.package_at(index.row()) if index.isValid() else None
        if row is not None:
            self._current = row.hash
        self.current_changed.emit()

    # ---- keeping the place ----

    def _remember_place(self) -> None:
        model = self._packages
        rows = self.selected_rows() if self.selected_count() <= _MOST_RESTORED else []
        chosen = [model.package_at(row) for row in rows]
        self._selected = frozenset(row.hash for row in chosen if row is not None)
        top = self.rowAt(0)
        first = model.package_at(top) if top > 0 else None
        self._top = first.hash if first is not None else ""
        self._restoring = True

    def _restore_place(self) -> None:
        model, selection = self._packages, self.selectionModel()
        flags = QItemSelectionModel.SelectionFlag
        rows = [row for row in map(model.find, self._selected) if row is not None]
        chosen = QItemSelection()
        for row in rows:
            chosen.select(model.index(row, 0), model.index(row, len(Column) - 1))
        selection.select(chosen, flags.ClearAndSelect)
        here = model.find(self._current) if self._current else None
        if here is not None:
            choice = flags.NoUpdate if rows else flags.ClearAndSelect | flags.Rows
            selection.setCurrentIndex(model.index(here, Column.PACKAGE), choice)
        top = model.find(self._top) if self._top else None
        if top is not None:
            self.verticalScrollBar().setValue(top * theme.row_height())
        self._restoring = False
        self.current_changed.emit()
        self.scrolled.emit()

    def forget_place(self) -> None:
        """Another instance: nothing is chosen."""
        self._current = self._top = ""
        self._selected = frozenset()
