# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the transfer queue."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from core.caches.opening import CacheAccess
from core.engine.calls import transfers
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.resuming import continue_unfinished, discard_unfinished
from core.spack.instance import Instance
from core.transfers.journal_reader import unfinished
from core.transfers.model import Continued, Unfinished


class TransferHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            transfers.WatchTransfers: self.watch,
            transfers.StopTransfers: self.stop,
            transfers.RetryTransfers: self.retry,
            transfers.PauseTransfers: self.pause,
            transfers.MoveTransfers: self.move,
            transfers.ReleaseMirror: self.release,
            transfers.SetTransferLimits: self.limit,
            transfers.ClearTransfers: self.clear,
            transfers.ListUnfinished: self.unfinished,
            transfers.ContinueUnfinished: self.proceed,
            transfers.DiscardUnfinished: self.discard,
        }

    def watch(self, _call: transfers.WatchTransfers, _token: CancelToken) -> None:
        self._state.queue.watch()

    def stop(self, call: transfers.StopTransfers, _token: CancelToken) -> None:
        self._state.queue.stop(call.rows)

    def retry(self, call: transfers.RetryTransfers, _token: CancelToken) -> None:
        self._state.queue.retry(call.rows)

    def pause(self, call: transfers.PauseTransfers, _token: CancelToken) -> None:
        queue = self._state.queue
        if not call.rows and not call.mirrors:
            queue.pause(call.paused)
        if call.mirrors:
            queue.pause_mirrors(call.mirrors, call.paused)
        if call.rows:
            queue.pause_rows(call.rows, call.paused)

    def move(self, call: transfers.MoveTransfers, _token: CancelToken) -> None:
        self._state.queue.move(call.rows, call.to)

    def release(self, call: transfers.ReleaseMirror, _token: CancelToken) -> None:
        self._state.queue.release(call.mirror, give_up=call.give_up)

    def limit(self, call: transfers.SetTransferLimits, _token: CancelToken) -> None:
        self._state.queue.set_limits(call.limits)

    def clear(self, _call: transfers.ClearTransfers, _token: CancelToken) -> None:
        self._state.queue.clear()

    def unfinished(self, _call: transfers.ListUnfinished, _token: CancelToken) -> Unfinished:
        return unfinished(tidy=not self._state.read_only)

    def proceed(self, call: transfers.ContinueUnfinished, token: CancelToken) -> Continued:
        state = self._state
        state.check_may_change("Nothing was continued")

        def opened(instance_id: str) -> tuple[Instance, CacheAccess]:
            instance = state.instances.get(instance_id)
            return instance, state.access(instance)

        add = partial(state.queue.add, paused=call.paused)
        return continue_unfinished(call.journal, opened=opened, add=add, cwd=Path.home(), token=token)

    def discard(self, call: transfers.DiscardUnfinished, _token: CancelToken) -> None:
        self._state.check_may_change("Nothing was discarded")
        discard_unfinished(call.journal)
