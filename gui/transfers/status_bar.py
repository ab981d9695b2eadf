# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the queue does, at the bottom of every page."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from gui import icons, theme
from gui.actions import Actions
from gui.transfers import notice_words, words
from gui.transfers.rows import phase_share
from gui.transfers.state import TransfersState
from gui.widgets.bars import Bar
from gui.widgets.controls import Button, IconButton
from gui.widgets.labels import Label
from gui.widgets.status_line import StatusLine

_BAR_WIDTH = 200


class TransfersStatus(QWidget):
    """`transfers_wanted` follows a click beside the buttons; by keyboard the action `show_transfers` does the same."""

    transfers_wanted = Signal()

    def __init__(self, state: TransfersState, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._commands = actions
        self._idle = ""
        self._notice = ""
        self.line = StatusLine()
        self.bar = Bar(theme.BAR_ROW)
        self.bar.setAccessibleName(words.OVERALL_BAR)
        self.bar.setFixedWidth(_BAR_WIDTH)
        self.pause = IconButton("pause", words.PAUSE_ALL)
        self.stop = IconButton("stop", words.STOP_ALL)
        self.failed = Label("", tone="bad")
        self.retry = Button(words.RETRY)
        self._lay_out()
        self.pause.clicked.connect(lambda: state.pause(not state.paused))
        self.stop.clicked.connect(state.stop_all)
        self.retry.clicked.connect(actions.retry_failed.trigger)
        actions.retry_failed.triggered.connect(state.retry_failed)
        state.changed.connect(self._on_changed)
        state.paused_changed.connect(self._on_paused)
        state.leftovers.changed.connect(self._on_changed)
        self._on_changed()

    def set_idle_text(self, text: str) -> None:
        """What is said while nothing is transferred."""
        self._idle = text
        self._on_changed()

    def set_notice(self, text: str) -> None:
        """What is said instead of everything else, "" for nothing."""
        self._notice = text
        self._on_changed()

    def text(self) -> str:
        """Everything it says now."""
        return self.line.text()

    def _lay_out(self) -> None:
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(words.SHOW_TRANSFERS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for button in (self.pause, self.stop, self.retry):
            button.setCursor(Qt.CursorShape.ArrowCursor)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.SPACE_L, theme.SPACE_XS, theme.SPACE_S, theme.SPACE_XS)
        layout.setSpacing(theme.SPACE_S)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.pause)
        layout.addWidget(self.stop)
        layout.addSpacing(theme.SPACE_XS)
        layout.addWidget(self.failed)
        layout.addWidget(self.retry)
        self.setMinimumHeight(theme.control_height() + 2 * theme.SPACE_XS)

    def _on_changed(self) -> None:
        totals = self._state.overall
        for widget in (self.bar, self.pause, self.stop):
            widget.setVisible(totals.active)
        self.failed.setText(words.failed_count(totals.failed))
        self.failed.setVisible(bool(totals.failed))
        self.retry.setVisible(bool(totals.failed))
        self._commands.allow(self._commands.retry_failed, "" if totals.failed else words.WHY_NOTHING_FAILED)
        if totals.active:
            self.bar.set_share(totals.done_bytes / totals.total_bytes if totals.total_bytes else None)
            self._show_running()
        if self._notice:
            self.line.set_facts(self._notice, ())
        elif not totals.active:
            count = self._state.leftovers.count
            self.line.set_facts(notice_words.unfinished(count) if count else "", (self._idle,))
        self.setAccessibleName(self.text())

    def _show_running(self) -> None:
        totals, moving = self._state.overall, self._state.moving
        if self._state.paused:
            rest = words.PAUSING if moving else words.waiting_count(totals.waiting)
            self.line.set_facts(words.PAUSED, (rest,))
            return
        if self._state.holds and not moving:
            hold = next(iter(self._state.holds.values()))
            self.line.set_facts(notice_words.hold_status(hold), (words.waiting_count(totals.waiting),))
            return
        row = words.running_row(moving[0], phase_share(moving[0])) if moving else ""
        unfinished = [push for push in self._state.pushes.values() if not push.ended]
        facts = (row, words.overall_rate(totals), words.left(totals))
        self.line.set_facts(words.running(self._state.package_totals(unfinished)), facts)

    def _on_paused(self, paused: bool) -> None:
        name = words.RESUME if paused else words.PAUSE_ALL
        icons.bind(self.pause, "play" if paused else "pause", "dim")
        self.pause.setAccessibleName(name)
        self.pause.setToolTip(name)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.transfers_wanted.emit()
        super().mouseReleaseEvent(event)
