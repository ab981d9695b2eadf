# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where packages are packed before they are sent, and how much room there is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.engine.calls.settings import SettingsChanged
from core.foundation.errors import MirrordeckError
from gui import preferences, settings_words, theme
from gui.engine_client import EngineClient
from gui.push import words
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.controls import Button
from gui.widgets.labels import ElidedLabel
from gui.widgets.page import TaskOwner


class PackingPlace(QWidget):
    """`changed` follows once another folder counts, `failed(MirrordeckError)` says why it does not."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self.tasks = TaskOwner()
        self.place = ElidedLabel("", mode=Qt.TextElideMode.ElideMiddle)
        self.button = Button(words.CHANGE, flat=True)
        self.button.setAccessibleName(words.CHANGE_PACKING)
        self.button.setToolTip(words.CHANGE_PACKING)
        self.button.clicked.connect(lambda: self.tasks.start(self._ask()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.place, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.button)

    def look(self) -> None:
        """Say where it is now."""
        folder = preferences.now().packing_place
        self.place.setText(words.packing_place(str(folder), _free_bytes(folder)))

    async def choose(self, folder: str) -> None:
        """Pack in `folder` from now on; the engine knows before `changed`."""
        if not os.access(folder, os.W_OK | os.X_OK):
            self.place.setText(f"{folder}: {settings_words.NOT_WRITABLE}")
            return
        try:
            preferences.change(packing_folder=folder)
            await self._client.call(SettingsChanged())
        except MirrordeckError as error:
            self.failed.emit(error)
            return
        self.look()
        self.changed.emit()

    async def _ask(self) -> None:
        folder = await choose_path(self.window(), words.CHANGE_PACKING, Choice.FOLDER, None)
        if folder:
            await self.choose(folder)


def _free_bytes(folder: Path) -> int | None:
    """What is left where `folder` is or will be; None where that cannot be known."""
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        return shutil.disk_usage(existing).free
    except (OSError, StopIteration):
        return None
