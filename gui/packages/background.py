# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Learns what rows do not say themselves: environments, what mirrors have, sizes on disk; at leisure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from PySide6.QtCore import QObject, Signal

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.packages import ListEnvironments, MeasureSizes
from core.engine.calls.presence import FindHeldBack, ListPresence
from core.foundation.errors import MirrordeckError
from core.services.package_values import HeldBackRow, MirrorPresence, SizeRow
from gui.engine_client import EngineClient
from gui.packages.model import PackagesModel
from gui.packages.rows import Column
from gui.widgets.page import TaskOwner

_PAUSE_S = 0.15
_LICENCES_PAUSE_S = 0.3
_IN_SIGHT_AT_MOST = 200
_AT_LEISURE = 100


class Learner(QObject):
    """`environments_changed` and `mirrors_changed` tell what is known now; it is in the model's facts."""

    environments_changed = Signal()
    mirrors_changed = Signal()

    def __init__(self, client: EngineClient, model: PackagesModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._model = model
        self._instance = ""

    def learn(self, instance_id: str, *, refresh: bool) -> None:
        """Ask about environments and mirrors; with `refresh` mirrors themselves are asked."""
        if instance_id != self._instance:
            self._model.facts.set_mirrors(())
            self._model.facts.set_environments(())
        self._instance = instance_id
        self.tasks.cancel_all()
        self.tasks.start(self._environments())
        self.tasks.start(self._mirrors(refresh=refresh))

    def learn_mirrors(self, names: Sequence[str]) -> None:
        """Ask these mirrors themselves what they have: something was just pushed there."""
        if self._instance:
            self.tasks.start(self._presence(tuple(names), refresh=True))

    async def _environments(self) -> None:
        try:
            rows = await self._client.call(ListEnvironments(self._instance))
        except MirrordeckError:
            return  # the list does without
        self._model.facts.set_environments(rows)
        self._model.facts_changed(Column.ENVIRONMENTS)
        self.environments_changed.emit()

    async def _mirrors(self, *, refresh: bool) -> None:
        try:
            view = await self._client.call(ListMirrors(self._instance))
        except MirrordeckError:
            return  # the Mirrors page tells about it
        mirrors = [row.mirror for row in view.rows if row.mirror.binary]
        self._model.facts.set_mirrors([mirror.name for mirror in mirrors])
        self.mirrors_changed.emit()
        if not mirrors:
            return
        await self._presence((), refresh=refresh)
        if refresh:
            return
        local = {mirror.name for mirror in mirrors if mirror.fetch.folder is not None}
        known = self._model.facts.mirrors.values()
        unread = tuple(mirror.name for mirror in known if mirror.read_at is None and mirror.name in local)
        if unread:
            await self._presence(unread, refresh=True)  # folders cost nobody anything

    async def _presence(self, names: tuple[str, ...], *, refresh: bool) -> None:
        try:
            await self._client.call(ListPresence(self._instance, names, refresh), self._on_presence)
        except MirrordeckError:
            return  # what was known stays

    def _on_presence(self, rows: list[MirrorPresence]) -> None:
        for row in rows:
            if row.mirror in self._model.facts.mirrors:
                self._model.facts.add_presence(row)
        self._model.facts_changed(Column.MIRRORS)
        self.mirrors_changed.emit()

    def leave(self) -> None:
        self.tasks.cancel_all()


class Measurer(QObject):
    """Sizes of what is in sight first, then of all that is shown. `progressed` follows every batch."""

    progressed = Signal()

    def __init__(
        self,
        client: EngineClient,
        model: PackagesModel,
        in_sight: Callable[[], Iterable[str]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._model = model
        self._in_sight = in_sight
        self._instance = ""
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self.measured = 0  # since there was last nothing to do

    def set_wanted(self, instance_id: str, *, wanted: bool) -> None:
        """Measure packages of `instance_id` from now on, or stop."""
        if instance_id != self._instance:
            self._model.facts.sizes.clear()
        self._instance, self._wanted = instance_id, wanted
        self.look_again()

    def look_again(self) -> None:
        """Other packages are in sight."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._wanted and self._instance:
            self._task = self.tasks.start(self._measure())

    @property
    def busy(self) -> bool:
        """Whether sizes are coming in."""
        return self._task is not None and not self._task.done() and bool(self.measured)

    async def _measure(self) -> None:
        await asyncio.sleep(_PAUSE_S)
        sizes = self._model.facts.sizes
        try:
            await self._ask([each for each in self._in_sight() if each not in sizes][:_IN_SIGHT_AT_MOST])
            rest = (row.hash for row in self._model.found_rows() if row.prefix and row.hash not in sizes)
            while some := list(islice(rest, _AT_LEISURE)):
                await self._ask(some)
        except MirrordeckError:
            return  # sizes are a help; what cannot be measured stays empty
        if self.measured:
            self.measured = 0
            self._model.facts_changed(Column.SIZE)
        self.progressed.emit()

    async def _ask(self, hashes: Sequence[str]) -> None:
        if hashes:
            await self._client.call(MeasureSizes(self._instance, tuple(hashes)), self._on_sizes)

    def _on_sizes(self, rows: list[SizeRow]) -> None:
        self._model.facts.add_sizes(rows)
        self.measured += len(rows)
        self._model.show_again(Column.SIZE)
        self.progressed.emit()

    def leave(self) -> None:
        self.set_wanted("", wanted=False)
        self.tasks.cancel_all()


class LicenceReader(QObject):
    """Which of the packages in sight may not be redistributed, in the model's facts. Recipes are read for these only:
    whoever pushes others is told then."""

    def __init__(
        self,
        client: EngineClient,
        model: PackagesModel,
        in_sight: Callable[[], Iterable[str]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._model = model
        self._in_sight = in_sight
        self._instance = ""

    def look(self, instance_id: str) -> None:
        """Other packages are in sight."""
        if instance_id != self._instance:
            self._model.facts.held_back.clear()
        self._instance = instance_id
        self.tasks.cancel_all()
        self.tasks.start(self._read())

    async def _read(self) -> None:
        await asyncio.sleep(_LICENCES_PAUSE_S)
        known = self._model.facts.held_back
        hashes = tuple(each for each in self._in_sight() if each not in known)[:_IN_SIGHT_AT_MOST]
        if not hashes:
            return
        try:
            await self._client.call(FindHeldBack(self._instance, hashes), self._on_rows)
        except MirrordeckError:
            return  # a note less

    def _on_rows(self, rows: list[HeldBackRow]) -> None:
        self._model.facts.held_back.update((row.hash, row.reason) for row in rows)
        self._model.show_again(Column.NOTE)
