# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where Spack looks for packages, and where they can be pushed."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QSplitter, QTableView, QWidget

from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import MirrordeckError
from core.services.values import MirrorRow, MirrorsView
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.mirrors import words
from gui.mirrors.details import MirrorDetails
from gui.mirrors.model import Column, MirrorsModel
from gui.widgets.cell import CellDelegate
from gui.widgets.controls import ActionButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.page import Page
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TablePane, TableView

_WIDTHS = (
    (Column.NAME, 172),
    (Column.SIGNED, 72),
    (Column.AUTOPUSH, 86),
    (Column.LOGIN, 112),
    (Column.SCOPE, 92),
    (Column.STATUS, 140),
    (Column.PACKAGES, 86),
)
_ROOM_FOR_ALL = 900


class MirrorsPage(Page):
    """`push_requested(name)` and `contents_requested(name)` carry the selected mirror."""

    title = messages.MIRRORS
    push_requested = Signal(str)
    contents_requested = Signal(str)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = MirrorsModel(self)
        self._build_table()
        self.details = MirrorDetails(actions)
        self.details.hide()
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(theme.SPACE_M)
        splitter.addWidget(self.pane)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(0, 1)
        self.body.addWidget(splitter, 1)
        self._connect()

    def _build_table(self) -> None:
        self.table = TableView(messages.MIRRORS_TABLE, "mirrors")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.NAME, PackageDelegate(self.table))
        middle = CellDelegate(self.table, Qt.TextElideMode.ElideMiddle)
        self.table.setItemDelegateForColumn(Column.PUSH_ADDRESS, middle)
        for column in (Column.LOGIN, Column.STATUS):
            self.table.setItemDelegateForColumn(column, StateDelegate(self.table))
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.arrange(_WIDTHS, Column.PUSH_ADDRESS)
        self.table.spare((Column.AUTOPUSH, Column.SCOPE), below=_ROOM_FOR_ALL)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-mirrors", messages.MIRRORS_READING)
        self.empty.add_button(ActionButton(self.commands.refresh))
        self.pane.show_instead(self.empty)

    def _connect(self) -> None:
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.table.activated.connect(self.commands.push_to_mirror.trigger)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.commands.push_to_mirror.triggered.connect(self._on_push)
        self.commands.browse_contents.triggered.connect(self._on_browse)
        self.commands.open_mirror_folder.triggered.connect(self._on_open_folder)
        self.commands.copy_address.triggered.connect(self._on_copy_address)

    async def load(self, instance_id: str) -> None:
        number = self.next_generation()
        if instance_id != self.instance_id:
            self._show_rows(())
            self.empty.show_message("empty-mirrors", messages.MIRRORS_READING)
            self.sentence.setText(messages.MIRRORS_READING)
        self.instance_id = instance_id
        self.refresh_line.set_running(True)
        try:
            view = await self.client.call(ListMirrors(instance_id))
        except MirrordeckError as error:
            if self.is_current(number):
                self.refresh_line.set_running(False)
                self._on_failed(error)
            return
        if self.is_current(number):
            self.refresh_line.set_running(False)
            self._on_loaded(view)

    def _on_loaded(self, view: MirrorsView) -> None:
        self._show_rows(view.rows)
        if view.problems:
            self.empty.show_message("empty-folder", messages.MIRRORS_BROKEN, messages.MIRRORS_BROKEN_DETAIL)
        else:
            self.empty.show_message("empty-mirrors", messages.MIRRORS_EMPTY, messages.MIRRORS_EMPTY_DETAIL)
        scopes = len({row.mirror.scope for row in view.rows})
        self.sentence.setText(messages.mirrors_sentence(len(view.rows), scopes) if view.rows else "")
        if view.problems:
            first, *others = view.problems
            more = messages.problems(len(others)) if others else ""
            self.banner.show_notice(first.title, messages.sentences(first.why, *first.remedies, more), tone="warn")
        else:
            self.banner.clear()

    def _on_failed(self, error: MirrordeckError) -> None:
        info = error.info()
        if self.model.rows:
            self.show_error(info)
            return
        self.sentence.setText("")
        self.empty.show_message("empty-folder", info.title, messages.sentences(info.why, *info.remedies))

    def _show_rows(self, rows: tuple[MirrorRow, ...]) -> None:
        current = self.current()
        self.model.set_rows(rows)
        if rows:
            self.pane.show_table()
            self.table.select_row((self.model.find(current.mirror.name) if current else None) or 0)
        else:
            self.pane.show_instead(self.empty)
        self._on_current_changed()

    def current(self) -> MirrorRow | None:
        """The selected mirror."""
        index = self.table.currentIndex()
        return self.model.rows[index.row()] if index.isValid() else None

    def update_actions(self) -> None:
        if not self.isVisible():
            return
        commands, row = self.commands, self.current()
        none = "" if row else messages.WHY_NO_MIRROR
        no_push = self.why_no_push() or none or (words.why_not_push(row.mirror) if row else "")
        commands.allow(commands.push_to_mirror, no_push)
        no_look = none or (words.why_not_browse(row.mirror) if row else "")
        commands.allow(commands.browse_contents, no_look)
        folder = row.mirror.push.folder if row else None
        commands.allow(commands.open_mirror_folder, none or ("" if folder else messages.WHY_NOT_FOLDER))
        commands.allow(commands.copy_address, none)

    def panes(self) -> list[QWidget]:
        return [self.table, self.details.tabs] if self.details.isVisible() else [self.table]

    def leave(self) -> None:
        super().leave()
        self.table.remember()

    def _on_current_changed(self) -> None:
        row = self.current()
        self.details.setVisible(row is not None)
        if row is not None:
            self.details.show_mirror(row)
        self.update_actions()

    def _on_push(self) -> None:
        row = self.current()
        if row is not None:
            self.push_requested.emit(row.mirror.name)

    def _on_browse(self) -> None:
        row = self.current()
        if row is not None:
            self.contents_requested.emit(row.mirror.name)

    def _on_open_folder(self) -> None:
        row = self.current()
        if row is not None and row.mirror.push.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(row.mirror.push.folder)))

    def _on_copy_address(self) -> None:
        row = self.current()
        if row is not None:
            QGuiApplication.clipboard().setText(words.push_address(row.mirror) or words.fetch_address(row.mirror))

    def _on_context_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.commands.push_to_mirror, self.commands.browse_contents])
        menu.addSeparator()
        menu.addActions([self.commands.copy_address, self.commands.open_mirror_folder])
        menu.popup(self.table.viewport().mapToGlobal(place))
