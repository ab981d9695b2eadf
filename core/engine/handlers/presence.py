# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about which mirrors have what is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.engine.calls import presence
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.batches import in_batches
from core.services.coverage import HeldBack, compare_installed, count_missing, find_missing, view_coverage
from core.services.package_graph import find_record
from core.services.package_values import (
    CoverageView,
    HeldBackRow,
    Holding,
    InstalledVersusMirror,
    MirrorPresence,
    MissingCount,
    MissingOn,
)
from core.services.presence import Mirrors, find_holdings
from core.spack.specs import PackageRecord


class PresenceHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._held_back = HeldBack()

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            presence.ListPresence: self.list_presence,
            presence.FindHoldings: self.holdings,
            presence.ViewCoverage: self.coverage,
            presence.CountMissing: self.count_missing,
            presence.FindHeldBack: self.held_back,
            presence.FindMissing: self.missing,
            presence.CompareInstalled: self.compare_installed,
        }

    def list_presence(self, call: presence.ListPresence, token: CancelToken) -> Iterator[list[MirrorPresence] | int]:
        database = self._state.instance(call.instance).database(token)
        mirrors = self._mirrors(call.instance)
        chosen = mirrors.chosen(call.mirrors)
        for known in mirrors.known(chosen, token, refresh=call.refresh):
            yield [known.presence(database)]
        yield len(chosen)

    def holdings(self, call: presence.FindHoldings, token: CancelToken) -> Iterator[list[Holding] | int]:
        record = find_record(self._state.instance(call.instance).database(token), call.hash)
        mirrors = self._mirrors(call.instance)
        count = 0
        for holding in find_holdings(mirrors, self._state.contents, record, token, refresh=call.refresh):
            count += 1
            yield [holding]
        yield count

    def coverage(self, call: presence.ViewCoverage, token: CancelToken) -> CoverageView:
        instance = self._state.instance(call.instance)
        mirrors = self._mirrors(call.instance)
        database = instance.database(token)
        return view_coverage(instance, database, mirrors, self._held_back, token, refresh=call.refresh)

    def count_missing(self, call: presence.CountMissing, token: CancelToken) -> Iterator[list[MissingCount] | int]:
        database = self._state.instance(call.instance).database(token)
        mirrors = self._mirrors(call.instance)
        chosen = mirrors.chosen(call.mirrors)
        for count in count_missing(database, mirrors, chosen, self._held_back, token, refresh=call.refresh):
            yield [count]
        yield len(chosen)

    def held_back(self, call: presence.FindHeldBack, token: CancelToken) -> Iterator[list[HeldBackRow] | int]:
        database = self._state.instance(call.instance).database(token)
        records = [database.records[each] for each in call.hashes if each in database.records]
        rows = (HeldBackRow(record.hash, self._held_back.reason(record, database, token)) for record in records)
        yield from in_batches(rows)
        yield len(records)

    def missing(self, call: presence.FindMissing, token: CancelToken) -> MissingOn:
        instance = self._state.instance(call.instance)
        mirrors = self._mirrors(call.instance)
        (known,) = mirrors.known(mirrors.chosen([call.mirror]), token, refresh=False)
        return find_missing(
            instance,
            instance.database(token),
            known,
            self._held_back,
            token,
            environment=call.environment,
            hashes=call.hashes,
        )

    def compare_installed(self, call: presence.CompareInstalled, token: CancelToken) -> InstalledVersusMirror:
        database = self._state.instance(call.instance).database(token)
        mirrors = self._mirrors(call.instance)
        (known,) = mirrors.known(mirrors.chosen([call.mirror]), token, refresh=call.refresh)
        return compare_installed(database, known, self._held_back, self._known_bytes, token)

    def _mirrors(self, instance: str) -> Mirrors:
        return self._state.mirrors(instance, cwd=Path.home())

    def _known_bytes(self, records: Sequence[PackageRecord]) -> int | None:
        return self._state.sizes.known(records)
