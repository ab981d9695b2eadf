# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client without an engine: answers what the test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from core.engine.messages import Call
from core.foundation.errors import MirrordeckError
from core.remote.address import Place
from core.transfers.model import QueueSnapshot
from gui.connection import Connection
from gui.engine_client import EngineClient


class FakeClient(EngineClient):
    """`answers[Type]` is a value, an exception to raise, or a function of the call; `rows[Type]` are batches, or a
    function of the call that makes them.

    Calls of a type in `held` wait until `release(Type)`.
    """

    def __init__(self) -> None:
        super().__init__(())
        self.answers: dict[type[Call[Any]], Any] = {}
        self.rows: dict[type[Call[Any]], Sequence[Sequence[Any]] | Callable[[Any], Sequence[Sequence[Any]]]] = {}
        self.calls: list[Call[Any]] = []
        self.held: dict[type[Call[Any]], asyncio.Event] = {}
        self.unreachable: dict[Place, MirrordeckError] = {}
        self.starts = 0
        self.closed = False

    def start(self) -> None:
        self.closed = False
        self.starts += 1
        self.engine_ready.emit()

    @property
    def running(self) -> bool:
        return not self.closed

    @property
    def here(self) -> Any:
        return self

    @property
    def versions(self) -> dict[str, str]:
        return {"mirrordeck": "0.1.0"}

    def hold(self, kind: type[Call[Any]]) -> None:
        self.held[kind] = asyncio.Event()

    def release(self, kind: type[Call[Any]]) -> None:
        self.held.pop(kind).set()

    def tell(self, snapshot: QueueSnapshot) -> None:
        """As if the engine had sent `snapshot`."""
        self.connection._on_snapshot(snapshot)

    def asked(self, kind: type[Call[Any]]) -> list[Any]:
        return [call for call in self.calls if isinstance(call, kind)]

    async def call(self, call: Call[Any], on_rows: Callable[[list[Any]], None] | None = None) -> Any:
        self.calls.append(call)
        kind = type(call)
        await asyncio.sleep(0)
        if kind in self.held:
            await self.held[kind].wait()
        batches = self.rows.get(kind, ())
        for batch in batches(call) if callable(batches) else batches:
            if on_rows is not None:
                on_rows(list(batch))
        answer = self.answers.get(kind)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, QueueSnapshot):  # an engine answers nothing and sends the snapshot soon after
            self.snapshot_received.emit(answer)
            return None
        return answer(call) if callable(answer) else answer

    async def close(self, timeout_s: float = 5.0) -> None:
        self.closed = True

    async def reach(self, place: Place) -> Any:
        """Every place has the same answers, if it can be reached at all."""
        if place in self.unreachable:
            raise self.unreachable[place]
        self._connections.setdefault(place, Connection(()))
        return self
