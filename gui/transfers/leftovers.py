# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transfers that an earlier run did not finish: offered, never begun by themselves. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.engine.calls.transfers import ContinueUnfinished, DiscardUnfinished, ListUnfinished
from core.engine.messages import Call
from core.foundation.errors import EngineGone, ErrorInfo, MirrordeckError
from core.transfers.model import Continued, JournalOffer, Unfinished
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner


class Leftovers(QObject):
    """`changed` follows every new answer about what is unfinished. `failed(ErrorInfo)` says what could not be
    continued, and once for each journal that cannot be read."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.offers: tuple[JournalOffer, ...] = ()
        self.busy = False
        self._told: set[ErrorInfo] = set()
        self._client = client
        self._tasks = TaskOwner()
        client.engine_ready.connect(self.look)
        client.engine_lost.connect(self._on_engine_lost)
        client.place_changed.connect(self._on_engine_lost)

    @property
    def count(self) -> int:
        """Packages that wait to be continued."""
        return sum(offer.waiting for offer in self.offers)

    def look(self) -> None:
        """Ask the engine what is unfinished now."""
        self._tasks.start(self._look())

    def proceed(self, *, paused: bool) -> None:
        """Put all of it into the queue, `paused` so that nothing moves before somebody resumes it."""
        self._settle(lambda offer: ContinueUnfinished(offer.id, paused))

    def discard(self) -> None:
        """Forget all of it."""
        self._settle(lambda offer: DiscardUnfinished(offer.id))

    def leave(self) -> None:
        self._tasks.cancel_all()

    def _settle(self, call_for: Callable[[JournalOffer], Call[Any]]) -> None:
        if not self.busy:
            self.busy = True
            self.changed.emit()
            self._tasks.start(self._settle_all([call_for(offer) for offer in self.offers]))

    async def _settle_all(self, calls: list[Call[Any]]) -> None:
        problems: list[ErrorInfo] = []
        try:
            for call in calls:
                try:
                    answer = await self._client.call(call)
                except EngineGone:
                    return  # the window says so itself; the next engine is asked again
                except MirrordeckError as error:
                    problems.append(error.info())
                else:
                    problems += answer.problems if isinstance(answer, Continued) else ()
        finally:
            self.busy = False
        for problem in problems:
            self.failed.emit(problem)
        await self._look()

    async def _look(self) -> None:
        try:
            found: Unfinished = await self._client.call(ListUnfinished())
        except EngineGone:
            return
        except MirrordeckError as error:
            self.failed.emit(error.info())
            return
        self.offers = found.offers
        self.changed.emit()
        for problem in found.problems:
            if problem not in self._told:
                self._told.add(problem)
                self.failed.emit(problem)

    def _on_engine_lost(self) -> None:
        self.offers = ()
        self.changed.emit()
