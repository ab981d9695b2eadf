# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Updates an index, and says what came of it."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QObject, Signal

from core.engine.calls.contents import UpdateIndex
from core.foundation.errors import MirrordeckError
from gui import messages
from gui.contents import words
from gui.contents.notices import Told
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner


class IndexUpdater(QObject):
    """`told(Told)` is for the page's notice, `updated(instance, place)` follows a success, `changed` the property."""

    changed = Signal()
    told = Signal(object)
    updated = Signal(str, str)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.updating = False
        self._client = client

    def update(self, instance_id: str, place: str) -> None:
        if not self.updating:
            self.tasks.start(self._update(instance_id, place))

    def stop(self) -> None:
        self.tasks.cancel_all()

    async def _update(self, instance_id: str, place: str) -> None:
        self.told.emit(Told(words.UPDATING_INDEX, tone="info"))
        self._set_updating(updating=True)
        try:
            update = await self._client.call(UpdateIndex(instance_id, place))
        except MirrordeckError as error:
            info = error.info()
            told = Told(info.title, messages.sentences(info.why, *info.remedies), "bad")
        except asyncio.CancelledError:
            self.told.emit(Told(words.INDEX_STOPPED, tone="info"))
            raise
        else:
            self.updated.emit(instance_id, place)
            told = Told(*words.index_updated(update), "warn" if update.skipped else "ok")
        finally:
            self._set_updating(updating=False)
        self.told.emit(told)

    def _set_updating(self, *, updating: bool) -> None:
        self.updating = updating
        self.changed.emit()
