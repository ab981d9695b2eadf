# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said, and can be done, when an engine has ended or the way to it is broken. GUI thread only."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from core.foundation.text import visible
from gui import messages
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.opening import Opening
from gui.remote import words
from gui.remote.connection import RemoteConnection
from gui.transfers.state import TransfersState
from gui.widgets.banner import Banner


class EngineNotices(QObject):
    """Fills `banner` and asks for the instance to be opened again. `shown(bool)`: the banner is needed, or not any
    more; `told(text)` is for the status bar, "" when there is nothing to say."""

    shown = Signal(bool)
    told = Signal(str)

    def __init__(
        self, client: EngineClient, opening: Opening, state: TransfersState, actions: Actions, banner: Banner
    ) -> None:
        super().__init__(banner)
        self._client = client
        self._opening = opening
        self._state = state
        self._commands = actions
        self._banner = banner
        self._reason = ""
        self._next_try = 0.0
        self._new_engine = False
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._show_reconnecting)
        actions.allow(actions.restart_engine, messages.WHY_ENGINE_RUNS)
        actions.restart_engine.triggered.connect(self._on_restart)
        client.engine_lost.connect(self._on_lost)
        client.reconnecting.connect(self._on_reconnecting)
        client.met_again.connect(self._on_met_again)
        client.place_changed.connect(self._on_reached)
        opening.opened.connect(self._on_opened)

    # ---- it has ended ----

    def _on_lost(self, reason: str) -> None:
        self._on_reached()
        a = self._commands
        a.allow(a.restart_engine)
        place = self._client.place
        title = messages.ENGINE_GONE if place.is_here else words.lost(place.title)
        facts = (visible(reason), messages.ENGINE_LOST_TEXT, messages.interrupted(self._state.interrupted))
        self._banner.show_notice(
            title,
            messages.sentences(*facts),
            tone="bad",
            button=messages.RESTART_ENGINE if place.is_here else words.CONNECT,
            action=self._on_restart,
            closable=False,
        )
        self.shown.emit(True)

    def _on_restart(self) -> None:
        a = self._commands
        a.allow(a.restart_engine, messages.WHY_ENGINE_RUNS)
        self.shown.emit(False)
        if self._client.place.is_here:
            self._client.start()
        self._opening.reopen()

    # ---- the way to it is broken ----

    def _on_reconnecting(self, reason: str, seconds: float) -> None:
        self._reason = reason or words.NO_CONNECTION
        self._next_try = time.monotonic() + seconds if seconds > 0 else seconds
        if seconds > 0:
            self._clock.start()
        else:
            self._clock.stop()
        self._show_reconnecting()
        self.shown.emit(True)
        self.told.emit(words.reconnecting(self._client.place.title))

    def _show_reconnecting(self) -> None:
        left = max(0.0, self._next_try - time.monotonic()) if self._next_try > 0 else self._next_try
        self._banner.show_notice(
            words.reconnecting(self._client.place.title),
            messages.sentences(visible(self._reason), words.next_try(left), words.WORK_GOES_ON),
            tone="warn",
            button=words.RECONNECT,
            action=lambda: self._with_connection(RemoteConnection.retry),
            other_button=words.GIVE_UP,
            other_action=lambda: self._with_connection(RemoteConnection.give_up),
            closable=False,
        )

    def _with_connection(self, act: Callable[[RemoteConnection], None]) -> None:
        connection = self._client.connection
        if isinstance(connection, RemoteConnection):
            act(connection)

    def _on_met_again(self, attached: bool) -> None:
        self._on_reached()
        self._new_engine = not attached
        self.shown.emit(False)
        self._opening.reopen()

    def _on_reached(self) -> None:
        self._clock.stop()
        self.told.emit("")

    def _on_opened(self) -> None:
        a = self._commands
        a.allow(a.restart_engine, messages.WHY_ENGINE_RUNS)
        if self._new_engine:
            self._banner.show_notice(words.ended_meanwhile(self._client.place.title), words.NOT_CONFIRMED, tone="warn")
        self.shown.emit(self._new_engine)
        self._new_engine = False
