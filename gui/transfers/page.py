# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue: what moves, what waits, what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from core.engine.calls.history import ListHistory
from core.foundation.errors import MirrordeckError
from core.services.history_values import Action, HistoryEntry, HistoryRequest
from core.transfers.model import ItemState, Move, PushStatus, QueueSnapshot, RowKind, TransferRow
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.menus import fill, transfer_menu
from gui.transfers import notice_words, words
from gui.transfers.cards import FailureCard, OverallCard, PushSummary
from gui.transfers.limits import LimitsPopover
from gui.transfers.model import TransfersModel
from gui.transfers.notices import HoldBanner, OfferBanner
from gui.transfers.rows import StateFilter
from gui.transfers.state import TransfersState
from gui.transfers.table import TransfersTable
from gui.widgets.controls import ActionButton, Button, ComboBox
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.empty_state import EmptyState
from gui.widgets.error_text import details_of
from gui.widgets.labels import Label
from gui.widgets.page import Page
from gui.widgets.table import TablePane

_ROWS_AT_LEAST = 3


class TransfersPage(Page):
    """`packages_wanted` asks for the Packages page, `package_wanted(hash)` for one package on it; `contents_wanted` and
    `sign_in_wanted` carry the name of a mirror; `history_wanted` asks for the History page."""

    title = messages.TRANSFERS
    packages_wanted = Signal()
    package_wanted = Signal(str)
    contents_wanted = Signal(str)
    sign_in_wanted = Signal(str)
    history_wanted = Signal()

    def __init__(
        self, client: EngineClient, actions: Actions, state: TransfersState, parent: QWidget | None = None
    ) -> None:
        super().__init__(client, actions, parent)
        self.state = state
        self.model = TransfersModel(state.label, lambda push: state.package_totals([push]), self)
        self.offer = OfferBanner(state.leftovers)
        self.hold = HoldBanner()
        self.overall = OverallCard(state)
        self.summary = PushSummary(state)
        self.failure = FailureCard(state, actions.retry_transfer)
        for action in (actions.retry_failed, actions.pause_all, actions.stop_all):
            self.header_buttons.addWidget(ActionButton(action))
        self.body.addWidget(self.offer)
        self.body.addWidget(self.hold)
        self.body.addWidget(self.overall)
        self.body.addWidget(self.summary)
        self._build_tools()
        self._build_table()
        self.body.addWidget(self.failure)
        self._connect()
        self._behind = True
        self._show_snapshot(state.everything())
        self._show_offer()

    # ---- building ----

    def _build_tools(self) -> None:
        self.filter_combo = ComboBox()
        self.filter_combo.addItems(words.FILTERS)
        self.filter_combo.setAccessibleName(words.FILTER_NAME)
        label = Label(words.FILTER_LABEL, tone="dim")
        label.setBuddy(self.filter_combo)
        self.today = Button("", flat=True)
        self.today.setToolTip(notice_words.TODAY_TIP)
        self.today.hide()
        self.limits_button = Button(notice_words.LIMITS, flat=True)
        self.limits_button.setToolTip(notice_words.LIMITS_TIP)
        self.limits = LimitsPopover(self)
        self.tools = QWidget()
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(label)
        row.addWidget(self.filter_combo)
        row.addStretch()
        row.addWidget(self.today)
        row.addWidget(self.limits_button)
        row.addWidget(ActionButton(self.commands.clear_ended, flat=True))
        self.body.addWidget(self.tools)

    def _build_table(self) -> None:
        self.table = TransfersTable(self.model)
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
        self.today.clicked.connect(self.history_wanted)
        self.limits_button.clicked.connect(lambda: self.limits.open_below(self.limits_button))
        self.limits.failed.connect(self.show_error)
        state.push_ended.connect(lambda _push: self.start(self._count_today()))
        state.leftovers.changed.connect(self._show_offer)
        self.offer.discard_wanted.connect(lambda: self.start(self._discard()))
        self.hold.sign_in_wanted.connect(self.sign_in_wanted)
        self.hold.go_on_wanted.connect(state.release)
        self.hold.give_up_wanted.connect(lambda mirror: state.release(mirror, give_up=True))
        commands.pause_all.triggered.connect(lambda: state.pause(not state.paused))
        commands.stop_all.triggered.connect(state.stop_all)
        commands.stop_transfer.triggered.connect(lambda: state.stop(self._ids(_can_stop)))
        commands.retry_transfer.triggered.connect(lambda: state.retry(self._remedy_ids()))
        commands.clear_ended.triggered.connect(state.clear)
        commands.pause_transfer.triggered.connect(self._on_pause)
        commands.pause_mirror.triggered.connect(self._on_pause_mirror)
        for action, to in self._moves():
            action.triggered.connect(lambda _checked=False, to=to: state.move(self._ids(_waits), to))
        commands.show_in_contents.triggered.connect(self._on_show_in_contents)
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
        self._show_offer()
        await self._count_today()

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
        self._update_order(rows)
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
        commands.allow(commands.show_in_contents, none)

    def _update_order(self, rows: list[TransferRow]) -> None:
        """Allow what concerns waiting rows: pausing them and their mirror, and their order."""
        commands, mirror = self.commands, rows[0].mirror if rows else ""
        none = "" if rows else words.WHY_NO_ROW
        pausable = [row for row in rows if _can_pause(row)]
        resumes = bool(pausable) and all(row.paused for row in pausable)
        commands.pause_transfer.setText(words.RESUME if resumes else words.PAUSE)
        commands.allow(commands.pause_transfer, none or _why(bool(pausable), words.WHY_NOT_PAUSABLE))
        paused = mirror in self.state.paused_mirrors
        commands.pause_mirror.setText(notice_words.pause_mirror(mirror, paused=paused))
        unfinished = paused or any(not row.state.ended for row in rows)
        commands.allow(commands.pause_mirror, none or _why(unfinished, words.WHY_ENDED))
        waiting = any(map(_waits, rows))
        for action, _to in self._moves():
            commands.allow(action, none or _why(waiting, words.WHY_NOT_WAITING))

    def _moves(self) -> tuple[tuple[QAction, Move], ...]:
        commands = self.commands
        return (
            (commands.push_next, Move.NEXT),
            (commands.move_transfer_up, Move.UP),
            (commands.move_transfer_down, Move.DOWN),
        )

    def panes(self) -> list[QWidget]:
        return [self.offer.proceed, self.hold.go_on, self.filter_combo, self.table]

    def focus_filter(self) -> None:
        self.filter_combo.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        super().leave()
        self.limits.close()
        self.table.remember()

    # ---- following the queue ----

    def _on_changed(self, snapshot: QueueSnapshot) -> None:
        """What happens while nobody looks is taken in at once, when somebody does again."""
        self._behind = not self.isVisible()
        if not self._behind:
            self._show_snapshot(snapshot)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._behind:
            self._behind = False
            self._show_snapshot(self.state.everything())

    def _show_snapshot(self, snapshot: QueueSnapshot) -> None:
        self.model.apply(snapshot)
        self.overall.show_now()
        self.hold.show_holds(tuple(self.state.holds.values()))
        self.limits_button.setText(notice_words.limits(self.state.limits))
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
        self.summary.show_push(self._push_to_sum_up())

    def _push_to_sum_up(self) -> PushStatus | None:
        """The push of the current row if it has ended, else the newest that has unless something else is asked."""
        index = self.table.currentIndex()
        own = self.state.pushes.get(self.model.push_of(index.row())) if index.isValid() else None
        ended = [push for push in self.state.pushes.values() if push.ended]
        if own in ended:
            return own
        return ended[-1] if ended and not self.state.holds and not self.state.leftovers.offers else None

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

    # ---- what waits for a person ----

    def _show_offer(self) -> None:
        self.offer.show_now(self.why_no_push())

    async def _discard(self) -> None:
        leftovers = self.state.leftovers
        buttons = ((messages.CANCEL, 0), (notice_words.DISCARD, 1))
        text = notice_words.discard_text(leftovers.count)
        if await ask(MessageDialog(notice_words.DISCARD_TITLE, text, buttons, parent=self.window())):
            leftovers.discard()

    async def _count_today(self) -> None:
        """Say what was finished since midnight, by whatever process."""
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[HistoryEntry] = []
        try:
            await self.client.call(ListHistory(HistoryRequest(since=midnight.timestamp())), found.extend)
        except MirrordeckError:
            return  # the History page says what is wrong
        count = sum(entry.action in (Action.PUSHED, Action.COPIED) for entry in found)
        self.today.setText(notice_words.finished_today(count))
        self.today.setVisible(bool(count))

    # ---- rows ----

    def _current_row(self) -> TransferRow | None:
        index = self.table.currentIndex()
        return self.model.row_at(index.row()) if index.isValid() else None

    def _selected(self) -> list[TransferRow]:
        """The rows selected; for a heading those of its push."""
        rows: dict[str, TransferRow] = {}
        for number in self.table.selected_rows():
            push = self.model.push_at(number)
            row = self.model.row_at(number)
            own = self.state.rows_of(push.id) if push is not None else [row] if row is not None else []
            rows.update((each.id, each) for each in own)
        return list(rows.values())

    def _ids(self, wanted: Callable[[TransferRow], bool]) -> tuple[str, ...]:
        return tuple(row.id for row in self._selected() if wanted(row))

    def _remedy_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row_id for row in self._selected() for row_id in self.state.remedy_rows(row)))

    def _copy(self, text_of: Callable[[TransferRow], str]) -> None:
        texts = (text_of(row) for row in self._selected())
        QGuiApplication.clipboard().setText("\n".join(text for text in texts if text))

    def _on_pause(self) -> None:
        rows = [row for row in self._selected() if _can_pause(row)]
        paused = not all(row.paused for row in rows)
        self.state.pause_rows(tuple(row.id for row in rows if row.paused != paused), paused=paused)

    def _on_pause_mirror(self) -> None:
        rows = self._selected()
        if rows:
            mirror = rows[0].mirror
            self.state.pause_mirrors((mirror,), paused=mirror not in self.state.paused_mirrors)

    def _on_show_in_contents(self) -> None:
        rows = self._selected()
        if rows:
            self.contents_wanted.emit(rows[0].mirror)

    def _on_show_package(self) -> None:
        row = self._current_row()
        if row is not None:
            self.package_wanted.emit(row.hash)

    def _on_context_menu(self, place: QPoint) -> None:
        commands = self.commands
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill(menu, transfer_menu(commands))
        menu.popup(self.table.viewport().mapToGlobal(place))


def _why(possible: bool, reason: str) -> str:
    return "" if possible else reason


def _can_pause(row: TransferRow) -> bool:
    return row.kind is RowKind.PACKAGE and not row.state.ended


def _waits(row: TransferRow) -> bool:
    return row.kind is RowKind.PACKAGE and row.state is ItemState.WAITING


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
