# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the window knows about the queue: one object that the page and the status bar share. GUI thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.engine.messages import Call, ClearTransfers, PauseTransfers, RetryTransfers, StopTransfers, WatchTransfers
from core.foundation.errors import EngineGone, MirrordeckError
from core.transfers.model import ItemState, PushStatus, QueueSnapshot, RowKind, Totals, TransferRow
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner

_COUNTS = ("waiting", "moving", "done", "present", "failed", "cancelled")


class TransfersState(QObject):
    """Rows by id, pushes by id (oldest first), totals of everything, and the requests that change them.

    `moving` are the rows that move, the one that has been moving longest first. `interrupted` says how many packages
    the last engine left unfinished when it ended by itself.

    Signals: `changed(QueueSnapshot)` after the state has taken a snapshot in; `paused_changed(bool)`;
    `push_ended(PushStatus)` when a push that was seen running has ended; `request_failed(ErrorInfo)`.
    """

    changed = Signal(object)
    paused_changed = Signal(bool)
    push_ended = Signal(object)
    request_failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, TransferRow] = {}
        self.pushes: dict[str, PushStatus] = {}
        self.overall = Totals()
        self.paused = False
        self.moving: tuple[TransferRow, ...] = ()
        self.interrupted = 0
        self._index_rows: dict[str, str] = {}
        self._client = client
        self._tasks = TaskOwner()
        client.snapshot_received.connect(self.apply)
        client.engine_ready.connect(self.watch)
        client.engine_lost.connect(self._on_engine_lost)

    def apply(self, snapshot: QueueSnapshot) -> None:
        """Take `snapshot` in: its rows are new or changed ones; rows of pushes it does not know are forgotten."""
        before, was_paused = self.pushes, self.paused
        self.pushes = {push.id: push for push in snapshot.pushes}
        if snapshot.full:
            self.rows = {}
        if before.keys() - self.pushes.keys():
            self.rows = {key: row for key, row in self.rows.items() if row.push_id in self.pushes}
        self.rows.update((row.id, row) for row in snapshot.rows)
        self._index_rows.update((row.push_id, row.id) for row in snapshot.rows if row.kind is RowKind.INDEX)
        self.moving = tuple(sorted((row for row in snapshot.rows if row.state.moving), key=lambda row: -row.seconds))
        self.overall, self.paused = snapshot.overall, snapshot.paused
        self.changed.emit(snapshot)
        if self.paused != was_paused:
            self.paused_changed.emit(self.paused)
        for push in snapshot.pushes:
            if push.ended and push.id in before and not before[push.id].ended:
                self.push_ended.emit(push)

    def everything(self) -> QueueSnapshot:
        """The whole state as one snapshot, for a view that begins to look."""
        return QueueSnapshot(tuple(self.rows.values()), tuple(self.pushes.values()), self.overall, self.paused)

    def rows_of(self, push_id: str) -> list[TransferRow]:
        return [row for row in self.rows.values() if row.push_id == push_id]

    def index_row(self, push_id: str) -> TransferRow | None:
        return self.rows.get(self._index_rows.get(push_id, ""))

    def package_totals(self, pushes: Iterable[PushStatus]) -> Totals:
        """Counts of the packages of `pushes`, without their index rows; no bytes."""
        counts: Counter[str] = Counter()
        for push in pushes:
            counts.update({name: getattr(push.totals, name) for name in _COUNTS})
            index = self.index_row(push.id)
            if index is not None:
                counts["moving" if index.state.moving else index.state.value] -= 1
        return Totals(**counts)

    def watch(self) -> None:
        """Ask for everything: a new engine knows nothing of what was seen before."""
        self._request(WatchTransfers())

    def stop(self, rows: tuple[str, ...]) -> None:
        if rows:
            self._request(StopTransfers(rows))

    def stop_all(self) -> None:
        self._request(StopTransfers())

    def retry(self, rows: tuple[str, ...]) -> None:
        """Queue failed and stopped `rows` again."""
        if rows:
            self._request(RetryTransfers(rows))

    def retry_failed(self) -> None:
        """Queue again what failed, but not what somebody stopped."""
        self.retry(tuple(row.id for row in self.rows.values() if row.state is ItemState.FAILED))

    def pause(self, paused: bool) -> None:
        self._request(PauseTransfers(paused))

    def clear(self) -> None:
        """Forget pushes that have ended."""
        self._request(ClearTransfers())

    def leave(self) -> None:
        self._tasks.cancel_all()

    def _on_engine_lost(self) -> None:
        """Nothing moves without an engine, and a new one will not know these rows."""
        unfinished = [row for row in self.rows.values() if not row.state.ended]
        self.interrupted = sum(row.kind is RowKind.PACKAGE for row in unfinished)
        self.apply(
            QueueSnapshot(
                tuple(replace(row, state=ItemState.CANCELLED, rate_bps=None, left_s=None) for row in unfinished),
                tuple(replace(push, totals=_stopped(push.totals), ended=True) for push in self.pushes.values()),
                _stopped(self.overall),
                False,
            )
        )

    def _request(self, call: Call[Any]) -> None:
        """Ask for `call`; what it changes comes with the next snapshot."""
        self._tasks.start(self._ask(call))

    async def _ask(self, call: Call[Any]) -> None:
        try:
            await self._client.call(call)
        except EngineGone:
            return  # the window says so itself
        except MirrordeckError as error:
            self.request_failed.emit(error.info())


def _stopped(totals: Totals) -> Totals:
    unfinished = totals.waiting + totals.moving
    return replace(totals, waiting=0, moving=0, cancelled=totals.cancelled + unfinished, rate_bps=None, left_s=None)
