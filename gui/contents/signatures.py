# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Finds out what the signatures of the entries on the screen are worth, a screenful at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from PySide6.QtCore import QObject, QTimer

from core.engine.calls.contents import JudgeEntries
from core.foundation.errors import MirrordeckError
from gui.contents.model import ContentsModel
from gui.contents.table import ContentsTable
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner

_REST_MS = 150  # scrolling is over by then


class SignatureReader(QObject):
    """Judges what `table` shows of `model` whenever that changes."""

    def __init__(self, client: EngineClient, table: ContentsTable, model: ContentsModel) -> None:
        super().__init__(table)
        self.tasks = TaskOwner()
        self._client = client
        self._table = table
        self._model = model
        self._place = ("", "")
        self._asked: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(_REST_MS)
        self._resting.timeout.connect(self._look)
        for news in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            news.connect(self.look_soon)
        table.verticalScrollBar().valueChanged.connect(self.look_soon)

    def begin(self, instance: str, place: str) -> None:
        """Judge entries of another place, or of the same one once more. Nothing is asked before `look_soon`."""
        self._forget()
        self._place = (instance, place)

    def judge_again(self) -> None:
        """Whose signatures count may have changed."""
        self._forget()
        self.look_soon()

    def _forget(self) -> None:
        self._give_up()
        self._asked.clear()
        self._model.forget_signatures()

    def look_soon(self) -> None:
        """Judge what is on the screen then and was not judged yet."""
        self._resting.start()

    def leave(self) -> None:
        self._give_up()
        self._place = ("", "")

    def _give_up(self) -> None:
        self._resting.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _look(self) -> None:
        model = self._model
        if self._task is not None or not self._place[0] or not (model.signatures and model.settled):
            return
        wanted = tuple(key for key in self._shown_signed() if key not in self._asked)
        if wanted:
            self._asked.update(wanted)
            self._task = self.tasks.start(self._judge(JudgeEntries(*self._place, wanted)))

    def _shown_signed(self) -> list[str]:
        table, model = self._table, self._model
        top, bottom = table.rowAt(0), table.rowAt(table.viewport().height() - 1)
        last = bottom if bottom >= 0 else model.rowCount() - 1
        rows = [model.entry_at(row) for row in range(top, last + 1)] if top >= 0 and table.isVisible() else []
        return [row.key for row in rows if row is not None and row.signed]

    async def _judge(self, call: JudgeEntries) -> None:
        with suppress(MirrordeckError):  # then it stays with "yes"; the entry's details say why
            await self._client.call(call, self._model.show_signatures)
        self._task = None
        self.look_soon()
