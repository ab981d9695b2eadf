# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the actions of a page do, one at a time. GUI thread only."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.foundation.errors import MirrordeckError
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner


class Commands(QObject):
    """`failed(ErrorInfo)` tells what went wrong. While a dialog is open or something is written, others are ignored."""

    failed = Signal(object)

    def __init__(self, client: EngineClient, window: QWidget) -> None:
        super().__init__(window)
        self.tasks = TaskOwner()
        self.instance = ""
        self._client = client
        self._window = window

    def run(self, command: Coroutine[Any, Any, None]) -> None:
        """Run one of the commands of a subclass; what it raises is told by `failed`."""
        if self.tasks.busy:
            command.close()
        else:
            self.tasks.start(self._guard(command))

    async def _guard(self, command: Coroutine[Any, Any, None]) -> None:
        try:
            await command
        except MirrordeckError as error:
            self.failed.emit(error.info())
