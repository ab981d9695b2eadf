# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Brings the records of an instance into the model, and notices when its database has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from PySide6.QtCore import QObject, QTimer, Signal

from core.engine.calls.packages import ListPackages, PackagesChanged
from core.foundation.errors import MirrordeckError
from core.services.values import PackageRow, PackagesView
from gui.engine_client import EngineClient
from gui.packages.model import PackagesModel
from gui.packages.rows import Column, PackageList, Show
from gui.widgets.page import TaskOwner

_SLICE_ROWS = 1000
_WATCH_S = 2.0


class PackageLoader(QObject):
    """A first load shows rows as they come; a later one shows the old ones until the new ones are complete.

    Signals: `changed` whenever there is something else to show; `loaded` after a complete load; `outdated` when the
    database is another one than the one shown. Rows are taken in slices, never more than some milliseconds at once.
    """

    changed = Signal()
    loaded = Signal()
    outdated = Signal()

    def __init__(self, client: EngineClient, model: PackagesModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._model = model
        self._instance = ""
        self._known: Collection[str] | None = None  # what there was at the start of the session
        self._pending: list[PackageRow] = []
        self._fresh: PackageList | None = None
        self._answer: PackagesView | None = None
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._on_slice)
        self._watching: asyncio.Task[None] | None = None
        self.view: PackagesView | None = None
        self.failure: MirrordeckError | None = None
        self.loading = False

    async def load(self, instance_id: str) -> None:
        """Read `instance_id`, again for a refresh; a later call makes an earlier one void."""
        first = instance_id != self._instance or not self._model.total
        if instance_id != self._instance:
            self._known = self.view = None
        self._instance = instance_id
        self._start_over()
        if first:
            self._model.clear()
        self._fresh = None if first else PackageList()
        since = "" if first or self.view is None else self.view.verifier
        self.loading, self.failure = True, None
        self.changed.emit()
        pending = self._pending
        try:
            answer = await self._client.call(
                ListPackages(instance_id, since), lambda rows: self._on_rows(pending, rows)
            )
        except MirrordeckError as error:
            if pending is self._pending:
                self.loading, self.failure = False, error
                self.changed.emit()
            return
        if pending is self._pending:
            self._answer = answer
            self._slices.start()

    def _start_over(self) -> None:
        self._slices.stop()
        self._pending, self._answer = [], None

    def _on_rows(self, pending: list[PackageRow], rows: list[PackageRow]) -> None:
        if pending is self._pending:
            pending += rows
            self._slices.start()

    def _on_slice(self) -> None:
        rows = self._pending[:_SLICE_ROWS]
        del self._pending[:_SLICE_ROWS]  # a slice at a time, as letting go of them takes time, too
        if rows and self._fresh is not None:
            self._fresh.extend(rows)
        elif rows:
            first = not self._model.total
            self._model.append(rows)
            if first:
                self.changed.emit()
        elif self._answer is not None:
            self._finish(self._answer)
        else:
            self._slices.stop()

    def _finish(self, answer: PackagesView) -> None:
        fresh = self._fresh
        self._start_over()
        if fresh is not None and answer.only_changes:
            self._model.update(fresh.rows, answer.gone)
        elif fresh is not None:
            self._model.replace(fresh)
        else:
            self._model.settle()
        self.loading, self._fresh, self.view = False, None, answer
        self._mark_new()
        self.loaded.emit()
        self.changed.emit()

    def _mark_new(self) -> None:
        """What was not there at the start of the session is new."""
        model, known = self._model, self._known
        if known is None:
            self._known = frozenset(model.packages.places)
            model.facts.new = frozenset()
        else:
            model.facts.new = frozenset([each for each in model.packages.places if each not in known])
            model.facts_changed(Column.PACKAGE, narrowing=model.narrowing.show is Show.NEW)

    @property
    def busy(self) -> bool:
        """Whether more rows are on their way or waiting to be taken."""
        return self.loading or self._slices.isActive()

    # ---- following the database ----

    def watch(self, *, wanted: bool) -> None:
        """Look every two seconds whether the database has changed, or stop doing so."""
        if wanted and self._watching is None:
            self._watching = self.tasks.start(self._watch())
        elif not wanted and self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            if self.view is None or self.loading:
                continue
            try:
                changed = await self._client.call(PackagesChanged(self._instance, self.view.verifier))
            except MirrordeckError:
                continue  # reading it again would say more, and a person may do so
            if changed and not self.loading:
                self.outdated.emit()

    def leave(self) -> None:
        self._start_over()
        self._watching = None
        self.tasks.cancel_all()
