# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue: what moves, what waits, what became of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QTableView, QWidget

from core.transfers.model import PushStatus, QueueSnapshot, RowKind, TransferRow
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.transfers import words
from gui.transfers.cards import FailureCard, OverallCard, PushSummary
from gui.transfers.model import Column, StateFilter, TransfersModel
from gui.transfers.state import TransfersState
from gui.widgets.bar_delegate import BarDelegate
from gui.widgets.controls import ActionButton, Button, ComboBox
from gui.widgets.empty_state import EmptyState
from gui.widgets.error_text import details_of
from gui.widgets.labels import Label
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.page import Page
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TablePane, TableView

_WIDTHS = (
    (Column.PACKAGE, 236),
    (Column.TO, 84),
    (Column.STATE, 156),
    (Column.RATE, 80),
    (Column.LEFT, 72),
    (Column.TRY, 48),
)
_ROWS_AT_LEAST = 3
_ROOM_FOR_ALL = 860


class TransfersPage(Page):
    """`packages_wanted` asks for the Packages page, `package_wanted(hash)` for one package on it."""

    title = messages.TRANSFERS
    packages_wanted = Signal()
    package_wanted = Signal(str)

    def __init__(
        self, client: EngineClient, actions: Actions, state: TransfersState, parent: QWidget | None = None
    ) -> None:
        super().__init__(client, actions, parent)
        self.state = state
        self.model = TransfersModel(state.label, self)
        self.overall = OverallCard(state)
        self.summary = PushSummary(state)
        self.failure = FailureCard(state, actions.retry_transfer)
        for action in (actions.retry_failed, actions.pause_all, actions.stop_all):
            self.header_buttons.addWidget(ActionButton(action))
        self.body.addWidget(self.overall)
        self.body.addWidget(self.summary)
        self._build_tools()
        self._build_table()
        self.body.addWidget(self.failure)
        self._connect()
        self._on_changed(state.everything())

    # ---- building ----

    def _build_tools(self) -> None:
        self.filter_combo = ComboBox()
        self.filter_combo.addItems(words.FILTERS)
        self.filter_combo.setAccessibleName(words.FILTER_NAME)
        label = Label(words.FILTER_LABEL, tone="dim")
        label.setBuddy(self.filter_combo)
        self.tools = QWidget()
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(label)
        row.addWidget(self.filter_combo)
        row.addStretch()
        row.addWidget(ActionButton(self.commands.clear_ended, flat=True))
        self.body.addWidget(self.tools)

    def _build_table(self) -> None:
        self.table = TableView(words.TABLE, "transfers")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.PACKAGE, PackageDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.STATE, StateDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.PROGRESS, BarDelegate(self.table))
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.arrange(_WIDTHS, Column.PROGRESS)
        self.table.spare((Column.RATE, Column.TRY), below=_ROOM_FOR_ALL)
        self.pane = TablePane(self.table)
        self.pane.setMinimumHeight(_ROWS_AT_LEAST * theme.comfortable_height())
        self.empty = EmptyState("empty-transfers", words.EMPTY, words.EMPTY_DETAIL)
        self.packages_button = Button(words.GO_TO_PACKAGES)
        self.empty.add_button(self.packages_button)
        self.no_match = EmptyState("empty-search", words.NOTHING_LIKE_THAT)
        self.all_button = Button(words.SHOW_ALL)
        self.no_match.add_button(self.all_button)
        self.body.addWidget(self.pane, 1)

    def _connect(self) -> None:
        state, commands = self.state, self.commands
        state.changed.connect(self._on_changed)
        self.packages_button.clicked.connect(self.packages_wanted)
        self.all_button.clicked.connect(lambda: self.filter_combo.setCurrentIndex(0))
        self.filter_combo.currentIndexChanged.connect(self._on_filter)
        self.summary.retry_wanted.connect(state.retry)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.table.selectionModel().selectionChanged.connect(self.update_actions)
        commands.pause_all.triggered.connect(lambda: state.pause(not state.paused))
        commands.stop_all.triggered.connect(state.stop_all)
        commands.stop_transfer.triggered.connect(lambda: state.stop(self._ids(_can_stop)))
        commands.retry_transfer.triggered.connect(lambda: state.retry(self._remedy_ids()))
        commands.clear_ended.triggered.connect(state.clear)
        commands.copy_error.triggered.connect(lambda: self._copy(_error_text))
        commands.copy_digest.triggered.connect(lambda: self._copy(_digest))
        commands.copy_image_name.triggered.connect(lambda: self._copy(_image_name))
        commands.copy_row_hash.triggered.connect(lambda: self._copy(_hash_text))
        commands.show_package.triggered.connect(self._on_show_package)

    # ---- what the page is asked to do ----

    async def load(self, instance_id: str) -> None:
        """The queue belongs to the engine, not to an instance: look at all of it again."""
        self.instance_id = instance_id
        self.state.watch()

    def update_actions(self) -> None:
        if not self.isVisible():
            return
        commands, totals = self.commands, self.state.overall
        running = "" if totals.active else words.WHY_NOTHING_RUNS
        commands.pause_all.setText(words.RESUME if self.state.paused else words.PAUSE_ALL)
        commands.allow(commands.pause_all, "" if self.state.paused else running)
        commands.allow(commands.stop_all, running)
        ended = any(push.ended for push in self.state.pushes.values())
        commands.allow(commands.clear_ended, "" if ended else words.WHY_NOTHING_ENDED)
        row, rows = self._current_row(), self._selected()
        none = "" if rows else words.WHY_NO_ROW
        commands.allow(commands.stop_transfer, none or _why(any(map(_can_stop, rows)), words.WHY_ENDED))
        commands.allow(
            commands.retry_transfer, none or _why(any(map(self.state.remedy_rows, rows)), words.WHY_NOT_RETRYABLE)
        )
        commands.allow(commands.copy_error, none or _why(any(map(_error_text, rows)), words.WHY_NO_ERROR))
        commands.allow(commands.copy_digest, none or _why(any(map(_digest, rows)), words.WHY_NO_DIGEST))
        commands.allow(commands.copy_image_name, none or _why(any(map(_image_name, rows)), words.WHY_NO_IMAGE))
        commands.allow(commands.copy_row_hash, none or _why(any(map(_hash_text, rows)), words.WHY_NO_PACKAGE))
        is_package = row is not None and row.kind is RowKind.PACKAGE
        commands.allow(commands.show_package, none or _why(is_package, words.WHY_NO_PACKAGE))

    def panes(self) -> list[QWidget]:
        return [self.filter_combo, self.table]

    def focus_filter(self) -> None:
        self.filter_combo.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        super().leave()
        self.table.remember()

    # ---- following the queue ----

    def _on_changed(self, snapshot: QueueSnapshot) -> None:
        self.model.apply(snapshot)
        self.overall.show_now()
        pushes = self.state.pushes.values()
        mirrors = list(dict.fromkeys(push.mirror for push in pushes))
        self.sentence.setText(words.page_sentence(self.state.package_totals(pushes), mirrors) if mirrors else "")
        self._show_state()
        self._show_current()
        self.update_actions()

    def _show_state(self) -> None:
        some = bool(self.state.pushes)
        self.overall.setVisible(some)
        self.tools.setVisible(some)
        if self.model.rowCount():
            self.pane.show_table()
        else:
            self.pane.show_instead(self.no_match if self.model.total else self.empty)

    def _show_current(self) -> None:
        row = self._current_row()
        self.failure.show_row(row)
        self.summary.show_push(self._push_to_sum_up(row))

    def _push_to_sum_up(self, row: TransferRow | None) -> PushStatus | None:
        """The push of the current row if it has ended, else the newest that has."""
        own = self.state.pushes.get(row.push_id) if row is not None else None
        ended = [push for push in self.state.pushes.values() if push.ended]
        return own if own in ended else ended[-1] if ended else None

    def _on_current_changed(self) -> None:
        self._show_current()

    def _on_filter(self, number: int) -> None:
        row = self._current_row()
        self.model.set_filter(StateFilter(number))
        place = self.model.number_of(row.id) if row is not None else None
        if place is not None:
            self.table.select_row(place)
        self._show_state()
        self._show_current()

    # ---- rows ----

    def _current_row(self) -> TransferRow | None:
        index = self.table.currentIndex()
        return self.model.row_at(index.row()) if index.isValid() else None

    def _selected(self) -> list[TransferRow]:
        return [self.model.row_at(number) for number in self.table.selected_rows()]

    def _ids(self, wanted: Callable[[TransferRow], bool]) -> tuple[str, ...]:
        return tuple(row.id for row in self._selected() if wanted(row))

    def _remedy_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row_id for row in self._selected() for row_id in self.state.remedy_rows(row)))

    def _copy(self, text_of: Callable[[TransferRow], str]) -> None:
        texts = (text_of(row) for row in self._selected())
        QGuiApplication.clipboard().setText("\n".join(text for text in texts if text))

    def _on_show_package(self) -> None:
        row = self._current_row()
        if row is not None:
            self.package_wanted.emit(row.hash)

    def _on_context_menu(self, place: QPoint) -> None:
        commands = self.commands
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([commands.stop_transfer, commands.retry_transfer])
        menu.addSeparator()
        menu.addActions([commands.copy_error, commands.copy_image_name, commands.copy_digest, commands.copy_row_hash])
        menu.addSeparator()
        menu.addAction(commands.show_package)
        menu.popup(self.table.viewport().mapToGlobal(place))


def _why(possible: bool, reason: str) -> str:
    return "" if possible else reason


def _can_stop(row: TransferRow) -> bool:
    return not row.state.ended


def _error_text(row: TransferRow) -> str:
    return details_of(row.error, words.spoken(row, None, paused=False)) if row.error is not None else ""


def _digest(row: TransferRow) -> str:
    return row.entry.blob_digest if row.entry is not None else ""


def _image_name(row: TransferRow) -> str:
    return row.image


def _hash_text(row: TransferRow) -> str:
    return f"/{row.hash}" if row.hash else ""
