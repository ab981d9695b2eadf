# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the window knows about the queue: one object that the page and the status bar share. GUI thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.engine.calls.transfers import (
    ClearTransfers,
    MoveTransfers,
    PauseTransfers,
    ReleaseMirror,
    RetryTransfers,
    StopTransfers,
    WatchTransfers,
)
from core.engine.messages import Call
from core.foundation.errors import EngineGone, MirrordeckError
from core.foundation.text import short_hash
from core.transfers.model import (
    ItemState,
    MirrorHold,
    Move,
    PushStatus,
    QueueSnapshot,
    RowKind,
    Totals,
    TransferLimits,
    TransferRow,
)
from core.transfers.plan import PlanItem
from gui.engine_client import EngineClient
from gui.transfers.leftovers import Leftovers
from gui.widgets.motion import display_is_far
from gui.widgets.page import TaskOwner

_FAR_INTERVAL_MS = 500
_ROWS_AT_ONCE, _ROWS_AT_FIRST = 1000, 100  # of those that end with an engine
_COUNTS = ("waiting", "moving", "done", "present", "failed", "cancelled")


class TransfersState(QObject):
    """Rows by id, pushes by id (oldest first) and what they `skipped`, totals of everything, and the requests that
    change them.

    `moving` are the rows that move, the one that has been moving longest first. `interrupted` says how many packages
    the last engine left unfinished when it ended by itself; `leftovers` is what earlier runs left. `holds` are mirrors
    that paused themselves, by name; `paused_mirrors` those a person paused.

    Signals: `changed(QueueSnapshot)` after the state has taken a snapshot in; `paused_changed(bool)`;
    `push_ended(PushStatus)` when one has ended, after its last rows; `request_failed(ErrorInfo)`.
    """

    changed = Signal(object)
    paused_changed = Signal(bool)
    push_ended = Signal(object)
    request_failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, TransferRow] = {}
        self.pushes: dict[str, PushStatus] = {}
        self.skipped: dict[str, tuple[PlanItem, ...]] = {}
        self.overall = Totals()
        self.paused = False
        self.paused_mirrors: tuple[str, ...] = ()
        self.holds: dict[str, MirrorHold] = {}
        self.limits: TransferLimits | None = None
        self.leftovers = Leftovers(client, self)
        self.moving: tuple[TransferRow, ...] = ()
        self.interrupted = 0
        self._closing: dict[str, dict[RowKind, str]] = {}
        self._labels: dict[str, str] = {}
        self._packages: dict[tuple[str, str], str] = {}
        self._client = client
        self._tasks = TaskOwner()
        self._late: QueueSnapshot | None = None
        self._unfinished: list[TransferRow] = []  # of an engine that is gone; the next to stop is the last
        self._stopping = QTimer(self)
        self._stopping.setSingleShot(True)
        self._stopping.timeout.connect(self._stop_some)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_FAR_INTERVAL_MS)
        self._pause.timeout.connect(self._apply_late)
        client.snapshot_received.connect(self._on_snapshot)
        client.push_ended.connect(self._on_push_ended)
        client.engine_ready.connect(self.watch)
        client.engine_lost.connect(self._on_engine_lost)
        client.place_changed.connect(self._on_place_changed)
        self.leftovers.failed.connect(self.request_failed)

    def _on_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Far away from the screen only two changes a second are shown: each goes over a network."""
        self._stop_rest()
        if self._pause.isActive():
            self._late = snapshot if self._late is None else _together(self._late, snapshot)
            return
        self.apply(snapshot)
        if display_is_far():
            self._pause.start()

    def _on_push_ended(self, push: PushStatus) -> None:
        self._catch_up()
        self.push_ended.emit(push)

    def _catch_up(self) -> None:
        """Take in what was kept back."""
        self._stop_rest()
        self._pause.stop()
        self._apply_late()

    def _apply_late(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            self._on_snapshot(late)

    def apply(self, snapshot: QueueSnapshot) -> None:
        """Take `snapshot` in: its rows are new or changed ones; rows of pushes it does not know are forgotten."""
        before, was_paused = self.pushes.keys(), self.paused
        self.pushes = {push.id: push for push in snapshot.pushes}
        if snapshot.full:
            self.rows = {}
        if before - self.pushes.keys():
            self.rows = {key: row for key, row in self.rows.items() if row.push_id in self.pushes}
            self._packages = {key: row_id for key, row_id in self._packages.items() if key[0] in self.pushes}
            self._closing = {push_id: rows for push_id, rows in self._closing.items() if push_id in self.pushes}
        self.rows.update((row.id, row) for row in snapshot.rows)
        known = {**self.skipped, **snapshot.skipped}
        self.skipped = {push_id: items for push_id, items in known.items() if push_id in self.pushes}
        self._note_names(snapshot)
        self.moving = tuple(sorted((row for row in snapshot.rows if row.state.moving), key=lambda row: -row.seconds))
        self.overall, self.paused = snapshot.overall, snapshot.paused
        self.paused_mirrors, self.limits = snapshot.paused_mirrors, snapshot.limits
        self.holds = {hold.mirror: hold for hold in snapshot.holds}
        self.changed.emit(snapshot)
        if self.paused != was_paused:
            self.paused_changed.emit(self.paused)

    def everything(self) -> QueueSnapshot:
        """The whole state as one snapshot, for a view that begins to look."""
        return QueueSnapshot(
            tuple(self.rows.values()),
            tuple(self.pushes.values()),
            self.overall,
            self.paused,
            paused_mirrors=self.paused_mirrors,
            holds=tuple(self.holds.values()),
            limits=self.limits,
            skipped=self.skipped,
        )

    def rows_of(self, push_id: str) -> list[TransferRow]:
        return [row for row in self.rows.values() if row.push_id == push_id]

    def closing_row(self, push_id: str, kind: RowKind) -> TransferRow | None:
        """The row that tags an image or updates the index after the packages of a push, if there is one."""
        return self.rows.get(self._closing.get(push_id, {}).get(kind, ""))

    def label(self, dag_hash: str) -> str:
        """`zlib@1.3.1`, or the short hash of a package that no push is about."""
        return self._labels.get(dag_hash, short_hash(dag_hash))

    def remedy_rows(self, row: TransferRow) -> tuple[str, ...]:
        """What to try again for `row`: itself if it failed or was stopped; for an image that lacks packages those of
        them that did."""
        if can_retry(row):
            return (row.id,)
        lacking = (self._packages.get((row.push_id, dag_hash), "") for dag_hash in row.missing)
        return tuple(row_id for row_id in lacking if row_id in self.rows and can_retry(self.rows[row_id]))

    def package_totals(self, pushes: Iterable[PushStatus]) -> Totals:
        """Counts of the packages of `pushes`, without the rows that close them; no bytes."""
        counts: Counter[str] = Counter()
        for push in pushes:
            counts.update({name: getattr(push.totals, name) for name in _COUNTS})
            for row_id in self._closing.get(push.id, {}).values():
                if row_id in self.rows:
                    state = self.rows[row_id].state
                    counts["moving" if state.moving else state.value] -= 1
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

    def pause_rows(self, rows: tuple[str, ...], *, paused: bool) -> None:
        """Set packages aside, or have them wait for their turn again."""
        if rows:
            self._request(PauseTransfers(paused, rows))

    def pause_mirrors(self, mirrors: tuple[str, ...], *, paused: bool) -> None:
        """Begin nothing more that goes there, or go on."""
        if mirrors:
            self._request(PauseTransfers(paused, mirrors=mirrors))

    def move(self, rows: tuple[str, ...], to: Move) -> None:
        """Reorder waiting packages."""
        if rows:
            self._request(MoveTransfers(rows, to))

    def release(self, mirror: str, *, give_up: bool = False) -> None:
        """Try again what waits for a mirror that paused itself, or let it fail."""
        self._request(ReleaseMirror(mirror, give_up))

    def clear(self) -> None:
        """Forget pushes that have ended."""
        self._request(ClearTransfers())

    def leave(self) -> None:
        self._pause.stop()
        self._stopping.stop()
        self.leftovers.leave()
        self._tasks.cancel_all()

    def _note_names(self, snapshot: QueueSnapshot) -> None:
        for row in snapshot.rows:
            if row.kind is RowKind.PACKAGE:
                self._labels[row.hash] = f"{row.name}@{row.version}"
                self._packages[row.push_id, row.hash] = row.id
            else:
                self._closing.setdefault(row.push_id, {})[row.kind] = row.id
        for items in snapshot.skipped.values():
            self._labels.update((item.hash, f"{item.name}@{item.version}") for item in items)

    def _on_engine_lost(self) -> None:
        """Nothing moves without an engine, and a new one will not know these rows.

        The rows follow a part at a time: nobody waits for tens of thousands of them.
        """
        self._catch_up()
        self._pause.stop()
        self._unfinished = [row for row in self.rows.values() if not row.state.ended]
        self._unfinished.sort(key=lambda row: row.state.moving)
        self.interrupted = sum(row.kind is RowKind.PACKAGE for row in self._unfinished)
        self._stop_some(_ROWS_AT_FIRST)

    def _stop_some(self, most: int = _ROWS_AT_ONCE) -> None:
        """The pushes end with the last of them."""
        some, self._unfinished = self._unfinished[-most:], self._unfinished[:-most]
        ended = not self._unfinished
        running = [push.id for push in self.pushes.values() if ended and not push.ended]
        self.apply(
            QueueSnapshot(
                tuple(replace(row, state=ItemState.CANCELLED, rate_bps=None, left_s=None) for row in reversed(some)),
                tuple(
                    replace(push, totals=_stopped(push.totals), ended=push.ended or ended)
                    for push in self.pushes.values()
                ),
                _stopped(self.overall),
                paused=False,
            )
        )
        for push_id in running:
            self.push_ended.emit(self.pushes[push_id])
        if self._unfinished:
            self._stopping.start()

    def _stop_rest(self) -> None:
        """Another engine came sooner."""
        if self._unfinished:
            self._stopping.stop()
            self._stop_some(len(self._unfinished))

    def _on_place_changed(self) -> None:
        """The queue is that of another engine, which tells it when it is asked."""
        self._stop_rest()
        self.interrupted = 0
        self._pause.stop()
        self._late = None
        self.apply(QueueSnapshot((), (), Totals(), paused=False, full=True))

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


def can_retry(row: TransferRow) -> bool:
    return row.state in (ItemState.FAILED, ItemState.CANCELLED)


def _together(earlier: QueueSnapshot, later: QueueSnapshot) -> QueueSnapshot:
    if later.full:
        return later
    rows = {row.id: row for row in (*earlier.rows, *later.rows)}
    skipped = {**earlier.skipped, **later.skipped}
    return replace(later, rows=tuple(rows.values()), full=earlier.full, skipped=skipped)


def _stopped(totals: Totals) -> Totals:
    unfinished = totals.waiting + totals.moving
    return replace(totals, waiting=0, moving=0, cancelled=totals.cancelled + unfinished, rate_bps=None, left_s=None)
