# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which columns of a table are shown: chosen in the header's context menu, remembered."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from gui import icons, messages
from gui.widgets.table import TableView


class ColumnChoice(QObject):
    """Lets people show and hide `columns` of `table`; those in `hidden` are not shown at first."""

    def __init__(self, table: TableView, columns: Sequence[int], hidden: Sequence[int]) -> None:
        super().__init__(table)
        self._table = table
        self._columns = columns
        table.want_columns_at_first(hidden)
        self.menu = QMenu(messages.COLUMNS, table)
        self.menu.aboutToShow.connect(lambda: self.fill(self.menu))
        header = table.horizontalHeader()
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)

    def fill(self, menu: QMenu) -> None:
        """Give `menu` an entry for every column."""
        menu.clear()
        model = self._table.model()
        for column in self._columns:
            action = menu.addAction(str(model.headerData(column, Qt.Orientation.Horizontal)))
            icons.bind_check(action)
            action.setChecked(self._table.wants_column(column))
            action.toggled.connect(lambda wanted, at=column: self._table.want_column(at, wanted=wanted))

    def _on_header_menu(self, place: QPoint) -> None:
        self.menu.popup(self._table.horizontalHeader().mapToGlobal(place))
