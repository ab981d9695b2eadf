# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What was changed by whom, when and where."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QWidget

from core.engine.calls.history import ExportHistory, ListHistory
from core.foundation.errors import MirrordeckError
from core.services.history_values import HistoryEntry, HistoryForm, HistoryRequest
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.history import words
from gui.history.model import Column, HistoryModel
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.controls import ActionButton, ComboBox
from gui.widgets.empty_state import EmptyState
from gui.widgets.filter_line import FilterLine
from gui.widgets.page import Page
from gui.widgets.table import TablePane, TableView

_MOST = 5000
_WIDTHS = (
    *((Column.WHEN, 136), (Column.WHAT, 124), (Column.SUBJECT, 240)),
    *((Column.WHERE, 140), (Column.WHO, 132)),
)
_ROOM = ((Column.WHO, 900), (Column.DETAIL, 700))


class HistoryPage(Page):
    """The same for all instances: it is the person's."""

    title = messages.HISTORY

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = HistoryModel(self)
        self.table = TableView(words.TABLE, "history")
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        for column, room in _ROOM:
            self.table.spare([column], room)
        self.table.arrange(_WIDTHS, Column.DETAIL)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-search", words.READING)
        self.pane.show_instead(self.empty)
        self.filter_line = FilterLine(words.PLACEHOLDER, words.FILTER)
        self.filter_line.filter_changed.connect(lambda _text: self._read_again())
        self.filter_line.leave_requested.connect(self.table.setFocus)
        self.kind = ComboBox()
        self.kind.setAccessibleName(words.KIND)
        self.kind.addItems(words.KINDS)
        self.kind.activated.connect(lambda _place: self._read_again())
        line = QHBoxLayout()
        line.setSpacing(theme.SPACE_S)
        line.addWidget(self.filter_line, 1)
        line.addWidget(self.kind)
        self.body.addLayout(line)
        self.body.addWidget(self.pane, 1)
        self.header_buttons.addWidget(ActionButton(actions.export_history))
        actions.export_history.triggered.connect(lambda: self.start(self._export()))

    # ---- reading ----

    async def load(self, instance_id: str) -> None:
        number = self.next_generation()
        self.instance_id = instance_id
        self.refresh_line.set_running(True)
        found: list[HistoryEntry] = []
        try:
            await self.client.call(ListHistory(self._request()), found.extend)
            if self.is_current(number):
                self._show(found)
        except MirrordeckError as error:
            if self.is_current(number):
                self.show_error(error)
        finally:
            if self.is_current(number):
                self.refresh_line.set_running(False)

    def forget(self) -> None:
        super().forget()
        self.next_generation()
        self._show([])
        self.empty.show_message("empty-search", words.READING)

    def _read_again(self) -> None:
        self.start(self.load(self.instance_id))

    def _request(self) -> HistoryRequest:
        return HistoryRequest(self.filter_line.text().strip(), words.kind_at(self.kind.currentIndex()), most=_MOST)

    def _show(self, entries: list[HistoryEntry]) -> None:
        self.model.show(entries)
        narrowed = self._request() != HistoryRequest(most=_MOST)
        if entries:
            self.pane.show_table()
        else:
            title = words.NOTHING_FOUND if narrowed else words.EMPTY
            detail = words.NOTHING_FOUND_DETAIL if narrowed else words.EMPTY_DETAIL
            self.empty.show_message("empty-search", title, detail)
            self.pane.show_instead(self.empty)
        self.sentence.setText(words.sentence(len(entries), _MOST))
        self.update_actions()

    # ---- exporting ----

    async def _export(self) -> None:
        file = await choose_path(
            self, words.EXPORT_TITLE, Choice.NEW_FILE, self.client, name=words.EXPORT_NAME, filters=words.EXPORT_FILTERS
        )
        if file:
            await self.export_to(file)

    async def export_to(self, path: str) -> None:
        """Write what is shown: JSON if the name says so, else CSV."""
        form = HistoryForm.JSON if Path(path).suffix.lower() == ".json" else HistoryForm.CSV
        try:
            count = await self.client.call(ExportHistory(self._request(), path, form))
        except MirrordeckError as error:
            self.show_error(error)
        else:
            self.banner.show_notice(words.exported(count, path), "", tone="ok")

    # ---- the window's part ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.instance_id:
            self._read_again()

    def update_actions(self) -> None:
        if self.isVisible():
            why_not = "" if self.model.rows else words.NOTHING_TO_EXPORT
            self.commands.allow(self.commands.export_history, self.why_no_push() or why_not)

    def panes(self) -> list[QWidget]:
        return [self.filter_line, self.table] if self.model.rows else [self.filter_line]

    def focus_filter(self) -> None:
        self.filter_line.setFocus()
        self.filter_line.selectAll()
