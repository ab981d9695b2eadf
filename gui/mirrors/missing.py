# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much of what is installed each mirror lacks: what is remembered at once, then what mirrors say themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal

from core.engine.calls.presence import CountMissing
from core.foundation.errors import MirrordeckError
from core.mirrors.model import Mirror
from core.services.package_values import MissingCount
from gui.engine_client import EngineClient
from gui.packages.pushes import PushWatcher
from gui.widgets.page import TaskOwner

_OLD_S = 3600.0
_OLD_FOLDER_S = 60.0


class MissingCounts(QObject):
    """`changed(mirror)` follows every answer, and the moment a mirror begins to be asked.

    A mirror is asked by itself where what is known of it is old, a server once as long as nobody asks again; each
    answers for itself, so that a dead one keeps nobody waiting.
    """

    changed = Signal(str)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._instance = ""
        self._mirrors: tuple[Mirror, ...] = ()
        self._counts: dict[str, MissingCount] = {}
        self._waiting: set[str] = set()
        self._asked: set[str] = set()
        self._pushes = PushWatcher(client, self)
        self._pushes.pushed.connect(self._on_pushed)

    def result(self, mirror: str) -> MissingCount | None:
        return self._counts.get(mirror)

    def is_asked(self, mirror: str) -> bool:
        """Whether the mirror is being read now."""
        return mirror in self._waiting

    def learn(self, instance: str, mirrors: Iterable[Mirror], *, again: bool = False) -> None:
        """Count for these mirrors; with `again` each is asked whatever is known."""
        if instance != self._instance:
            self._counts, self._asked = {}, set()
        self._instance = instance
        self._mirrors = tuple(mirror for mirror in mirrors if mirror.binary)
        names = {mirror.name for mirror in self._mirrors}
        self._counts = {name: count for name, count in self._counts.items() if name in names}
        self._start(again=again)

    def count_again(self) -> None:
        """Something may have been installed since."""
        self._start(again=False)

    def forget_asking(self, mirror: str) -> None:
        """The mirror, "" for all, has become another one or has another login: it may be asked once more."""
        self._asked = self._asked - {mirror} if mirror else set()

    def _start(self, *, again: bool) -> None:
        self.tasks.cancel_all()
        self._waiting.clear()
        if self._instance and self._mirrors:
            self.tasks.start(self._learn(self._mirrors, again=again))

    async def _learn(self, mirrors: Sequence[Mirror], *, again: bool) -> None:
        await self._count([mirror.name for mirror in mirrors], refresh=False)
        due = [mirror.name for mirror in mirrors if again or self._is_due(mirror)]
        if due:
            await self._ask(due)

    def _is_due(self, mirror: Mirror) -> bool:
        count = self._counts.get(mirror.name)
        read_at = count.mirror.read_at if count is not None else None
        age = time.time() - read_at if read_at is not None else _OLD_S
        if mirror.fetch.folder is not None:
            return age >= _OLD_FOLDER_S
        return age >= _OLD_S and mirror.name not in self._asked

    async def _ask(self, names: Sequence[str]) -> None:
        self._asked.update(names)
        self._waiting.update(names)
        for name in names:
            self.changed.emit(name)
        await self._count(names, refresh=True)
        left = self._waiting.intersection(names)
        self._waiting -= left
        for name in left:
            self.changed.emit(name)

    async def _count(self, names: Sequence[str], *, refresh: bool) -> None:
        try:
            await self._client.call(CountMissing(self._instance, tuple(names), refresh), self._on_counts)
        except MirrordeckError:
            return  # what was known stays; the rows say what is wrong with a mirror

    def _on_counts(self, rows: list[MissingCount]) -> None:
        for row in rows:
            name = row.mirror.mirror
            self._counts[name] = row
            self._waiting.discard(name)
            self.changed.emit(name)

    def _on_pushed(self, mirrors: Sequence[str]) -> None:
        known = {mirror.name for mirror in self._mirrors}
        names = [name for name in mirrors if name in known]
        if names:
            self.tasks.start(self._ask(names))
