# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Notices when something was pushed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.transfers.model import QueueSnapshot
from gui.engine_client import EngineClient


class PushWatcher(QObject):
    """`pushed(mirrors)` follows the end of pushes that brought something to these mirrors."""

    pushed = Signal(tuple)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: set[str] = set()
        client.snapshot_received.connect(self._on_snapshot)

    def _on_snapshot(self, snapshot: QueueSnapshot) -> None:
        ended = [push for push in snapshot.pushes if push.ended and push.id in self._running]
        self._running -= {push.id for push in ended}
        self._running |= {push.id for push in snapshot.pushes if not push.ended}
        mirrors = tuple(dict.fromkeys(push.mirror for push in ended if push.totals.done))
        if mirrors:
            self.pushed.emit(mirrors)
