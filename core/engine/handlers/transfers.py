# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the transfer queue."""

from __future__ import annotations

from typing import Any

from core.engine.calls import transfers
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken


class TransferHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            transfers.WatchTransfers: self.watch,
            transfers.StopTransfers: self.stop,
            transfers.RetryTransfers: self.retry,
            transfers.PauseTransfers: self.pause,
            transfers.ClearTransfers: self.clear,
        }

    def watch(self, _call: transfers.WatchTransfers, _token: CancelToken) -> None:
        self._state.queue.watch()

    def stop(self, call: transfers.StopTransfers, _token: CancelToken) -> None:
        self._state.queue.stop(call.rows)

    def retry(self, call: transfers.RetryTransfers, _token: CancelToken) -> None:
        self._state.queue.retry(call.rows)

    def pause(self, call: transfers.PauseTransfers, _token: CancelToken) -> None:
        self._state.queue.pause(call.paused)

    def clear(self, _call: transfers.ClearTransfers, _token: CancelToken) -> None:
        self._state.queue.clear()
