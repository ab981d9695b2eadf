# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The only door to the engines: which there are, and whose answers the pages show. GUI thread only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from core.engine.messages import Call
from core.foundation.errors import EngineGone, UsageError
from core.remote.address import HERE, Place
from core.transfers.model import PushStatus, QueueSnapshot, Totals
from gui.connection import CallFailed, Connection
from gui.remote import words
from gui.remote.connection import RemoteConnection

__all__ = ["CallFailed", "EngineClient", "engine_command"]

R = TypeVar("R")


class EngineClient(QObject):
    """One engine here and one at every other place that was reached; calls and the first six signals are those of the
    current `place`.

    Signals: `engine_ready` after the engine's greeting, `engine_lost(reason)` when it ended by itself,
    `snapshot_received(QueueSnapshot)` up to ten times a second while something moves, `push_ended(PushStatus)` after
    one. `reconnecting(reason, seconds)` while the way to it is broken, see `RemoteConnection.retried`, and
    `met_again(attached)` when it is not any more.
    `place_changed` when another place became the current one: what was seen before belongs to another engine.
    `push_ended_elsewhere(Place, PushStatus)`: at a place that is not the current one.

    `connector` makes connections to other places, not started yet; None: there are none.
    """

    engine_ready = Signal()
    engine_lost = Signal(str)
    snapshot_received = Signal(object)
    push_ended = Signal(object)
    reconnecting = Signal(str, float)
    met_again = Signal(bool)
    place_changed = Signal()
    push_ended_elsewhere = Signal(object, object)

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        """`command` starts the engine here."""
        super().__init__(parent)
        self.connector: Callable[[Place], Awaitable[RemoteConnection]] | None = None
        package_root = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        self._connections: dict[Place, Connection] = {HERE: Connection(command, package_root, self)}
        self._follow(HERE, self._connections[HERE])
        self.place = HERE

    def start(self) -> None:
        """Start the engine of the current place (again). Calls may follow at once."""
        self.connection.start()

    @property
    def connection(self) -> Connection:
        """That of the current place."""
        return self._connections[self.place]

    @property
    def here(self) -> Connection:
        """That of the engine on this computer, whatever place is the current one."""
        return self._connections[HERE]

    @property
    def running(self) -> bool:
        """Whether calls are possible."""
        return self.connection.running

    @property
    def versions(self) -> dict[str, str]:
        """What may differ between the window and the engine, by name."""
        hello = self.connection.hello
        return hello.versions if hello is not None else {}

    async def call(self, call: Call[R], on_rows: Callable[[list[Any]], None] | None = None) -> R:
        """See `Connection.call`. When another place becomes the current one meanwhile, nothing of the answer is given:
        EngineGone."""
        place = self.place

        def on_these(rows: list[Any]) -> None:
            if on_rows is not None and self.place == place:
                on_rows(rows)

        answer = await self.connection.call(call, on_these if on_rows is not None else None)
        if self.place != place:
            raise EngineGone(words.LEFT, words.NOT_SHOWN)
        return answer

    # ---- places ----

    async def reach(self, place: Place) -> Connection:
        """The connection to `place`, made now if there is none. The current place stays what it is.

        Raises EngineGone with the reason if it is not reached, UsageError for a place that cannot be. A cancelled wait
        gives up what was begun.
        """
        connection = self._connections.get(place) or await self._made(place)
        if isinstance(connection, RemoteConnection) and connection.broken:
            connection.retry()
        elif not connection.running:
            connection.start()
        try:
            await connection.greeting()
        except asyncio.CancelledError:
            if not connection.met:
                connection.abandon()
            raise
        return connection

    async def _made(self, place: Place) -> Connection:
        if self.connector is None:
            raise UsageError(words.ONLY_HERE, place.title)
        made = await self.connector(place)
        if place in self._connections:  # somebody else was faster
            made.deleteLater()
            return self._connections[place]
        made.setParent(self)
        self._connections[place] = made
        self._follow(place, made)
        return made

    def switch(self, place: Place) -> None:
        """Make a place that was reached the current one."""
        if place == self.place:
            return
        self.place = place
        self.place_changed.emit()
        if self.connection.met:
            self.engine_ready.emit()

    def unfinished(self) -> dict[Place, Totals]:
        """Where something moves or waits, the current place first."""
        places = sorted(self._connections, key=lambda place: place != self.place)
        totals = {place: self._connections[place].totals for place in places if self._connections[place].running}
        return {place: count for place, count in totals.items() if count.active}

    async def disconnect_from(self, place: Place, timeout_s: float = 5.0) -> None:
        """End the engine at `place` in order, which takes at most about `timeout_s`; it may be reached again."""
        await self._connections[place].close(timeout_s)

    async def close(self, timeout_s: float = 5.0) -> None:
        """End every engine in order, which takes at most about `timeout_s`."""
        await asyncio.gather(*(connection.close(timeout_s) for connection in self._connections.values()))

    def _follow(self, place: Place, connection: Connection) -> None:
        connection.greeted.connect(partial(self._on_greeted, place))
        connection.ended.connect(partial(self._on_ended, place))
        connection.snapshot_received.connect(partial(self._on_snapshot, place))
        connection.push_ended.connect(partial(self._on_push_ended, place))
        if isinstance(connection, RemoteConnection):
            connection.retried.connect(partial(self._on_retried, place))
            connection.met_again.connect(partial(self._on_met_again, place))

    def _on_greeted(self, place: Place, _hello: object) -> None:
        if place == self.place:
            self.engine_ready.emit()

    def _on_ended(self, place: Place, reason: str) -> None:
        if place == self.place:
            self.engine_lost.emit(reason)

    def _on_snapshot(self, place: Place, queue: QueueSnapshot) -> None:
        if place == self.place:
            self.snapshot_received.emit(queue)

    def _on_push_ended(self, place: Place, push: PushStatus) -> None:
        if place == self.place:
            self.push_ended.emit(push)
        else:
            self.push_ended_elsewhere.emit(place, push)

    def _on_retried(self, place: Place, reason: str, seconds: float) -> None:
        if place == self.place:
            self.reconnecting.emit(reason, seconds)

    def _on_met_again(self, place: Place, attached: bool) -> None:
        if place == self.place:
            self.met_again.emit(attached)


def program_command() -> list[str]:
    """The command that starts this program once more."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "core.cli.main"]


def engine_command(*, read_only: bool) -> list[str]:
    """The command that starts the engine here. `-P` keeps a `core/` lying in the working directory out; a frozen
    program is its own interpreter and takes a word for it."""
    frozen = getattr(sys, "frozen", False)
    command = [sys.executable, "--engine"] if frozen else [sys.executable, "-P", "-m", "core.engine"]
    return [*command, "--read-only"] if read_only else command
