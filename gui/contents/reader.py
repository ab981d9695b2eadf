# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Brings a listing into the model, a slice at a time, so that the window never waits for it."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QObject, QTimer, Signal

from core.engine.calls.contents import ListContents
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.values import ContentsRow, ContentsView
from gui import messages
from gui.contents import words
from gui.contents.model import ContentsModel
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner

_SLICE_ROWS = 300


class ContentsReader(QObject):
    """One listing at a time; `changed` follows every slice and every change of the properties.

    `view` is the answer, None before there is one; `error` is why what is shown is old or nothing; `stopped` that a
    person did not want to wait. `finished` follows an answer.
    """

    changed = Signal()
    finished = Signal()

    def __init__(self, client: EngineClient, model: ContentsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.view: ContentsView | None = None
        self.error: ErrorInfo | None = None
        self.stopped = False
        self.reading = False
        self._client = client
        self._model = model
        self._place = ("", "")
        self._pending: list[ContentsRow] = []
        self._seen: set[str] = set()
        self._answer: ContentsView | None = None
        self._task: asyncio.Task[None] | None = None
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._on_slice)

    @property
    def busy(self) -> bool:
        """Whether anything is still to come or to be shown."""
        return self.reading or self._slices.isActive()

    def read(self, instance_id: str, place: str, *, refresh: bool) -> None:
        """Begin to read; what is being read is given up. Another place empties the model first."""
        self._give_up()
        if (instance_id, place) != self._place:
            self._place = (instance_id, place)
            self.view = None
            self._model.clear()
        self.error, self.stopped, self.reading = None, False, True
        self._model.set_state(reading=True, stale=False)
        self._task = self.tasks.start(self._read(ListContents(instance_id, place, refresh)))
        self.changed.emit()

    def stop(self) -> None:
        """Be content with what is there."""
        if self.reading:
            self._give_up()
            self.stopped = True
            self._end()

    def forget(self) -> None:
        """Show nothing any more."""
        self._give_up()
        self.view, self.error, self.stopped, self.reading = None, None, False, False
        self._place = ("", "")
        self._model.clear()
        self.changed.emit()

    def instead(self) -> tuple[str, str, str]:
        """Drawing, sentence and detail while there is nothing to list."""
        if self.error is not None:
            return "empty-folder", self.error.title, messages.sentences(self.error.why, *self.error.remedies)
        if self.reading:
            return "empty-packages", words.READING, ""
        if self.view is None:
            return "empty-folder", words.CHOOSE, words.CHOOSE_DETAIL
        return "empty-packages", words.EMPTY, words.EMPTY_DETAIL

    def leave(self) -> None:
        self._give_up()
        self.tasks.cancel_all()

    def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._slices.stop()
        self._pending.clear()
        self._seen.clear()
        self._answer = None

    async def _read(self, call: ListContents) -> None:
        try:
            self._answer = await self._client.call(call, self._on_rows)
        except MirrordeckError as error:
            self.error = error.info()
        self._slices.start()

    def _on_rows(self, rows: list[ContentsRow]) -> None:
        self._pending.extend(rows)
        self._slices.start()

    def _on_slice(self) -> None:
        rows = self._pending[:_SLICE_ROWS]
        del self._pending[:_SLICE_ROWS]
        if rows:
            self._seen.update(row.key for row in rows)
            self._model.apply(rows)
            self.changed.emit()
        if self._pending:
            return
        self._slices.stop()
        if self._answer is not None or self.error is not None:
            self._finish()

    def _finish(self) -> None:
        view, self._answer = self._answer, None
        if view is not None:
            self.view = view
            self.error = view.error
            if view.error is None:
                self._model.retain(self._seen)
        self._end()
        self.finished.emit()

    def _end(self) -> None:
        self._task = None
        self.reading = False
        self._model.set_state(reading=False, stale=self.error is not None)
        self.changed.emit()
