# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installed packages: find, choose, push."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QTableView, QWidget

from core.engine.calls.packages import ListPackages
from core.foundation.errors import MirrordeckError
from core.services.values import PackageRow, PackagesView
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.packages.footer import SelectionFooter
from gui.packages.model import PackagesModel
from gui.packages.rows import Column, PackageList, Show
from gui.widgets.check_delegate import CheckDelegate
from gui.widgets.controls import ActionButton, Button, ComboBox
from gui.widgets.empty_state import EmptyState
from gui.widgets.filter_line import FilterLine
from gui.widgets.labels import Label
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.page import Page
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TablePane, TableView

_SLICE_ROWS = 1000
_WIDTHS = (
    (Column.CHECK, 40),
    (Column.PACKAGE, 196),
    (Column.VERSION, 74),
    (Column.COMPILER, 96),
    (Column.TARGET, 90),
    (Column.INSTALLED, 112),
    (Column.STATE, 126),
)
_SHOWS = (
    (messages.SHOW_INSTALLED, Show.INSTALLED),
    (messages.SHOW_EXPLICIT, Show.EXPLICIT),
    (messages.SHOW_ALL, Show.ALL),
)


class PackagesPage(Page):
    """`push_requested(hashes)` carries the checked packages."""

    title = messages.PACKAGES
    push_requested = Signal(tuple)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = PackagesModel(self)
        self.target = ""
        self._pending: list[PackageRow] = []
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._on_slice)
        self._current_hash = ""
        self._loading = False
        self._failure: MirrordeckError | None = None
        self._pushable_shown = 0
        self._build_tools()
        self._build_table()
        self.footer = SelectionFooter(client, actions)
        self.body.addWidget(self.footer)
        self._connect()
        self._show_state()

    # Building

    def _build_tools(self) -> None:
        self.filter_line = FilterLine(messages.PACKAGES_FILTER, messages.PACKAGES_FILTER_NAME)
        self.show_combo = ComboBox()
        for text, show in _SHOWS:
            self.show_combo.addItem(text, show)
        label = Label(messages.SHOW, tone="dim")
        label.setBuddy(self.show_combo)
        self.show_combo.setAccessibleName(messages.SHOW)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.filter_line, 1)
        row.addSpacing(theme.SPACE_XS)
        row.addWidget(label)
        row.addWidget(self.show_combo)
        self.body.addLayout(row)

    def _build_table(self) -> None:
        self.table = TableView(messages.PACKAGES_TABLE, "packages")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.CHECK, CheckDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.PACKAGE, PackageDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.STATE, StateDelegate(self.table))
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.horizontalHeader().setSortIndicator(Column.PACKAGE, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.arrange(_WIDTHS, Column.VARIANTS)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-packages", messages.PACKAGES_EMPTY, messages.PACKAGES_EMPTY_DETAIL)
        self.no_match = EmptyState("empty-search", messages.NOTHING_MATCHES, messages.NOTHING_MATCHES_DETAIL)
        self.clear_button = Button(messages.CLEAR_FILTER)
        self.no_match.add_button(self.clear_button)
        self.failed = EmptyState("empty-folder", messages.PACKAGES_FAILED)
        self.failed.add_button(ActionButton(self.commands.refresh))
        self.body.addWidget(self.pane, 1)

    def _connect(self) -> None:
        self.filter_line.filter_changed.connect(self._on_filter_changed)
        self.filter_line.leave_requested.connect(self.table.setFocus)
        self.show_combo.currentIndexChanged.connect(self._on_show_changed)
        self.clear_button.clicked.connect(self._on_clear_filter)
        self.table.toggle_requested.connect(self._on_toggle)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.model.checked_changed.connect(self._on_checked_changed)
        commands = self.commands
        commands.push_packages.triggered.connect(self._on_push)
        commands.select_shown.triggered.connect(self.model.check_shown)
        commands.select_none.triggered.connect(self.model.check_none)
        commands.copy_spec.triggered.connect(lambda: self._copy(_spec_text))
        commands.copy_hash.triggered.connect(lambda: self._copy(lambda row: f"/{row.hash}"))
        commands.copy_prefix.triggered.connect(lambda: self._copy(lambda row: row.prefix))
        commands.open_prefix.triggered.connect(self._on_open_prefix)

    # Loading

    async def load(self, instance_id: str) -> None:
        number = self.next_generation()
        first = instance_id != self.instance_id or not self.model.total
        if first:
            self._pending.clear()
            self.model.clear()
        self.instance_id = instance_id
        self._loading, self._failure = True, None
        self.refresh_line.set_running(True)
        self._show_state()
        fresh = PackageList()
        try:
            view = await self.client.call(
                ListPackages(instance_id), lambda rows: self._on_rows(number, rows, None if first else fresh)
            )
        except MirrordeckError as error:
            if self.is_current(number):
                self._on_failed(error)
            return
        if self.is_current(number):
            self._on_loaded(view, None if first else fresh)

    def _on_rows(self, number: int, rows: list[PackageRow], fresh: PackageList | None) -> None:
        if not self.is_current(number):
            return
        if fresh is not None:
            fresh.extend(rows)
            return
        self._pending.extend(rows)
        self._slices.start()

    def _on_slice(self) -> None:
        rows, self._pending = self._pending[:_SLICE_ROWS], self._pending[_SLICE_ROWS:]
        self.model.append(rows)
        if not self._pending:
            self._slices.stop()
            if not self._loading:
                self._settle()
                self._show_state()
        self.pane.show_table()

    def _on_loaded(self, view: PackagesView, fresh: PackageList | None) -> None:
        self._loading = False
        self.refresh_line.set_running(False)
        if fresh is not None:
            keep = self._current_hash
            self.model.replace(fresh)
            self._restore_current(keep)
        elif not self._pending:
            self._settle()
        self.footer.set_selection(self.instance_id, self.model.checked_hashes(), self.model.checked_hidden())
        if view.problems:
            first, *others = view.problems
            more = messages.problems(len(others)) if others else ""
            self.banner.show_notice(first.title, messages.sentences(first.why, *first.remedies, more), tone="warn")
        else:
            self.banner.clear()
        self._show_state()

    def _settle(self) -> None:
        self.model.settle()
        self.table.scrollToTop()

    def _on_failed(self, error: MirrordeckError) -> None:
        self._loading, self._failure = False, error
        self.refresh_line.set_running(False)
        if self.model.total:
            self.show_error(error)
        self._show_state()

    def _show_state(self) -> None:
        model = self.model
        if model.rowCount():
            self.pane.show_table()
        elif model.total:
            self.pane.show_instead(self.no_match)
        elif self._failure is not None:
            info = self._failure.info()
            self.failed.show_message("empty-folder", info.title, messages.sentences(info.why, *info.remedies))
            self.pane.show_instead(self.failed)
        else:
            sentence = messages.PACKAGES_READING if self._loading else messages.PACKAGES_EMPTY
            self.empty.show_message("empty-packages", sentence, "" if self._loading else messages.PACKAGES_EMPTY_DETAIL)
            self.pane.show_instead(self.empty)
        if self._loading:
            self.sentence.setText(messages.PACKAGES_READING)
        else:
            counted = messages.packages_sentence(model.rowCount(), model.listed)
            self.sentence.setText(counted if model.total else "")
        self._pushable_shown = model.count_checkable()
        self.update_actions()

    # Choosing

    def _on_filter_changed(self, text: str) -> None:
        keep = self._current_hash
        self.model.set_filter(text)
        self._restore_current(keep)
        self._show_state()
        self.footer.set_hidden(self.model.checked_hidden())

    def _on_show_changed(self) -> None:
        keep = self._current_hash
        self.model.set_show(Show(self.show_combo.currentData()))
        self._restore_current(keep)
        self._show_state()
        self.footer.set_hidden(self.model.checked_hidden())

    def _on_clear_filter(self) -> None:
        if self.filter_line.text():
            self.filter_line.reset()
        if not self.model.rowCount():
            self.show_combo.setCurrentIndex(len(_SHOWS) - 1)
        self.filter_line.setFocus()

    def _restore_current(self, dag_hash: str) -> None:
        row = self.model.find(dag_hash) if dag_hash else None
        if row is not None:
            self.table.select_row(row)
            self._current_hash = dag_hash

    def _on_current_changed(self) -> None:
        row = self._current_row()
        if row is not None:
            self._current_hash = row.hash
        self.update_actions()

    def _on_toggle(self) -> None:
        self.model.toggle(self.table.selected_rows())

    def _on_checked_changed(self) -> None:
        self.footer.set_selection(self.instance_id, self.model.checked_hashes(), self.model.checked_hidden())
        self.update_actions()

    # Actions

    def update_actions(self) -> None:
        commands, model = self.commands, self.model
        if not self.isVisible():
            return
        shown = self._pushable_shown
        commands.select_shown.setText(messages.select_shown(shown))
        commands.allow(commands.select_shown, "" if shown else messages.WHY_NOTHING_SHOWN)
        commands.allow(commands.select_none, "" if model.checked else messages.WHY_NOTHING_CHECKED)
        why = "" if model.checked else messages.WHY_NO_PACKAGES
        commands.allow(commands.push_packages, self.why_no_push() or why)
        row = self._current_row()
        why = "" if row else messages.WHY_NO_ROW
        for action in (commands.copy_spec, commands.copy_hash):
            commands.allow(action, why)
        no_prefix = why or ("" if row and row.prefix else messages.WHY_NO_PREFIX)
        commands.allow(commands.copy_prefix, no_prefix)
        commands.allow(commands.open_prefix, no_prefix)

    def choose_for(self, mirror: str) -> None:
        """Ask for packages to push to `mirror`; the next push goes there."""
        self.target = mirror
        self.banner.show_notice(messages.choose_for_mirror(mirror), messages.CHOOSE_FOR_MIRROR_TEXT)
        self.table.setFocus()

    def pushed(self) -> None:
        """The selection is on its way."""
        self.target = ""
        self.banner.clear()
        self.model.check_none()

    def show_package(self, dag_hash: str) -> None:
        """Select the package, whatever was filtered away before."""
        if self.model.find(dag_hash) is None:
            self.filter_line.reset()
            self.show_combo.setCurrentIndex(len(_SHOWS) - 1)
        self._restore_current(dag_hash)
        self.table.setFocus()

    def panes(self) -> list[QWidget]:
        return [self.filter_line, self.table, self.footer.push_button]

    def focus_filter(self) -> None:
        self.filter_line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_line.selectAll()

    def leave(self) -> None:
        super().leave()
        self.footer.tasks.cancel_all()
        self._slices.stop()
        self.table.remember()

    def _current_row(self) -> PackageRow | None:
        index = self.table.currentIndex()
        return self.model.row_at(index.row()) if index.isValid() else None

    def _on_push(self) -> None:
        self.push_requested.emit(self.model.checked_hashes())

    def _copy(self, text_of: Callable[[PackageRow], str]) -> None:
        rows = [self.model.row_at(row) for row in self.table.selected_rows()]
        QGuiApplication.clipboard().setText("\n".join(map(text_of, rows)))

    def _on_open_prefix(self) -> None:
        row = self._current_row()
        if row is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(row.prefix))))

    def _sort_menu(self, parent: QMenu) -> QMenu:
        """The header's clicks for those without a mouse: choosing the sorted column again turns the order around."""
        header = self.table.horizontalHeader()
        menu = QMenu(messages.SORT_BY, parent)
        for column in tuple(Column)[Column.PACKAGE :]:
            sorted_here = header.sortIndicatorSection() == column
            turned = sorted_here and header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            order = Qt.SortOrder.DescendingOrder if turned else Qt.SortOrder.AscendingOrder
            action = menu.addAction(messages.PACKAGE_COLUMNS[column])
            action.setCheckable(True)
            action.setChecked(sorted_here)
            action.triggered.connect(lambda _on=False, at=column, by=order: self.table.sortByColumn(at, by))
        return menu

    def _on_context_menu(self, place: QPoint) -> None:
        commands = self.commands
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(commands.push_packages)
        menu.addSeparator()
        menu.addActions([commands.copy_spec, commands.copy_hash, commands.copy_prefix, commands.open_prefix])
        menu.addSeparator()
        menu.addActions([commands.select_shown, commands.select_none])
        menu.addMenu(self._sort_menu(menu))
        menu.popup(self.table.viewport().mapToGlobal(place))


def _spec_text(row: PackageRow) -> str:
    return f"{row.name}@{row.version}/{row.hash[:7]}"
