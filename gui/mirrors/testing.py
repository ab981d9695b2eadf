# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tests of mirrors: those that run now, side by side, and the last results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from core.engine.calls.logins import LastTests, TestMirror
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.login_values import TestStep, TestView
from gui.engine_client import EngineClient
from gui.widgets.page import TaskOwner

# The engine answers four requests at once; one stays free for everything else.
_AT_ONCE = 3


class MirrorTests(QObject):
    """`changed(mirror)` follows every step. Results are by mirror and by whether it was as an ordinary reader."""

    changed = Signal(str)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._instance = ""
        self._results: dict[tuple[str, bool], TestView] = {}
        self._failures: dict[tuple[str, bool], ErrorInfo] = {}
        self._running: dict[tuple[str, bool], asyncio.Task[None]] = {}
        self._steps: dict[tuple[str, bool], list[TestStep]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def result(self, mirror: str, *, as_reader: bool = False) -> TestView | None:
        return self._results.get((mirror, as_reader))

    def failure(self, mirror: str, *, as_reader: bool = False) -> ErrorInfo | None:
        """Why the last test could not be made at all."""
        return self._failures.get((mirror, as_reader))

    def is_running(self, mirror: str, *, as_reader: bool = False) -> bool:
        return (mirror, as_reader) in self._running

    def steps(self, mirror: str, *, as_reader: bool = False) -> tuple[TestStep, ...]:
        """Of the test that runs, else of the last one."""
        key = (mirror, as_reader)
        if key in self._running:
            return tuple(self._steps.get(key, ()))
        result = self._results.get(key)
        return result.steps if result is not None else ()

    async def recall(self, instance: str) -> None:
        """Take over what the engine knows of the mirrors as they are configured now. Raises MirrordeckError."""
        if instance != self._instance:
            self.stop()
            self._instance = instance
        known = {(test.mirror, test.as_reader): test for test in await self._client.call(LastTests(instance))}
        if instance == self._instance:
            self._results = known

    def start(self, mirrors: Iterable[str], *, as_reader: bool) -> None:
        """Test `mirrors`; those that are being tested already just go on."""
        for mirror in mirrors:
            key = (mirror, as_reader)
            if key not in self._running:
                self._steps[key] = []
                self._failures.pop(key, None)
                self._running[key] = self.tasks.start(self._test(key))
                self.changed.emit(mirror)

    def stop(self) -> None:
        self.tasks.cancel_all()

    async def _test(self, key: tuple[str, bool]) -> None:
        mirror, as_reader = key
        try:
            async with self._slots:
                call = TestMirror(self._instance, mirror, as_reader)
                self._results[key] = await self._client.call(call, lambda rows: self._on_steps(key, rows))
        except MirrordeckError as error:
            self._results.pop(key, None)
            self._failures[key] = error.info()
        finally:
            del self._running[key]
            self.changed.emit(mirror)

    def _on_steps(self, key: tuple[str, bool], rows: list[TestStep]) -> None:
        self._steps[key] += rows
        self.changed.emit(key[0])
