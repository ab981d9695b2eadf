# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the history, and about reports for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.calls import history
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.files import atomic_write
from core.services.batches import in_batches
from core.services.history import export_history, find_history
from core.services.history_values import HistoryEntry
from core.services.support import collect_support, write_support
from core.services.support_values import SupportFile


class HistoryHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            history.ListHistory: self.list_entries,
            history.ExportHistory: self.export,
            history.CollectReport: self.collect,
            history.SaveReport: self.save,
        }

    def list_entries(self, call: history.ListHistory, _token: CancelToken) -> Iterator[list[HistoryEntry] | int]:
        entries = find_history(call.request)
        yield from in_batches(entries)
        yield len(entries)

    def export(self, call: history.ExportHistory, _token: CancelToken) -> int:
        self._state.check_may_change("The history was not exported")
        entries = find_history(call.request)
        atomic_write(Path(call.path), export_history(entries, call.form))
        return len(entries)

    def collect(self, call: history.CollectReport, _token: CancelToken) -> tuple[SupportFile, ...]:
        return collect_support(self._state.instance(call.instance) if call.instance else None)

    def save(self, call: history.SaveReport, _token: CancelToken) -> None:
        self._state.check_may_change("The report was not saved")
        write_support(call.files, Path(call.path))
