# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installed packages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

from core.engine.calls import packages
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.packages import SizeMemory, package_rows, summarize_selection
from core.services.values import PackageRow, PackagesView, SelectionSummary

_ROWS_IN_A_BATCH = 2000


class PackageHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._sizes = SizeMemory()
        self._measuring = threading.Lock()

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            packages.ListPackages: self.list_packages,
            packages.SummarizeSelection: self.summarize,
        }

    def list_packages(
        self, call: packages.ListPackages, token: CancelToken
    ) -> Iterator[list[PackageRow] | PackagesView]:
        database = self._state.instance(call.instance).database(token)
        rows = package_rows(database)
        while batch := [*islice(rows, _ROWS_IN_A_BATCH)]:
            yield batch
        yield PackagesView(len(database.records), database.verifier, database.problems)

    def summarize(self, call: packages.SummarizeSelection, token: CancelToken) -> SelectionSummary:
        database = self._state.instance(call.instance).database(token)
        with self._measuring:
            return summarize_selection(database, call.hashes, self._sizes, token)
