# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installed packages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.calls import packages
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.batches import in_batches
from core.services.comparison import compare
from core.services.environments import environment_rows
from core.services.package_details import describe_package
from core.services.package_graph import (
    all_dependencies,
    all_dependents,
    dependencies_of,
    dependents_of,
    find_record,
    package_graph,
)
from core.services.package_refs import find_dag
from core.services.package_sizes import folder_sizes, summarize_selection
from core.services.package_values import (
    Comparison,
    EnvironmentRow,
    FolderSize,
    FoundPackages,
    Graph,
    PackageDetails,
    PackageLink,
    ReuseView,
    SizeRow,
)
from core.services.packages import changes_since, find_by_text, package_rows
from core.services.reuse import explain_reuse
from core.services.reuse_rules import reuse_rules
from core.services.values import PackageRow, PackagesView, SelectionSummary
from core.spack.database import Database


class PackageHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._sent: dict[str, tuple[str, Database]] = {}

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            packages.ListPackages: self.list_packages,
            packages.PackagesChanged: self.changed,
            packages.FindPackages: self.find,
            packages.ListEnvironments: self.environments,
            packages.MeasureSizes: self.sizes,
            packages.SizeByFolder: self.folders,
            packages.DescribePackage: self.describe,
            packages.ListLinks: self.links,
            packages.ListRelatives: self.relatives,
            packages.PackageGraph: self.graph,
            packages.ComparePackages: self.compare,
            packages.ExplainReuse: self.explain_reuse,
            packages.SummarizeSelection: self.summarize,
        }

    def list_packages(
        self, call: packages.ListPackages, token: CancelToken
    ) -> Iterator[list[PackageRow] | PackagesView]:
        instance = self._state.instance(call.instance)
        verifier = instance.database_state()
        database = instance.database(token)
        with self._lock:
            before = self._sent.get(call.instance)
        known = before[1] if before is not None and call.since and call.since == before[0] else None
        changed, gone = changes_since(known, database) if known is not None else (database.records.values(), ())
        yield from in_batches(package_rows(database, changed))
        with self._lock:
            self._sent[call.instance] = (verifier, database)
        yield PackagesView(
            len(database.records), verifier, database.problems, only_changes=known is not None, gone=gone
        )

    def changed(self, call: packages.PackagesChanged, _token: CancelToken) -> bool:
        return self._state.instance(call.instance).database_state() != call.verifier

    def find(self, call: packages.FindPackages, token: CancelToken) -> FoundPackages:
        return find_by_text(self._database(call.instance, token), call.text)

    def environments(self, call: packages.ListEnvironments, token: CancelToken) -> tuple[EnvironmentRow, ...]:
        instance = self._state.instance(call.instance)
        return environment_rows(instance, instance.database(token).records)

    def sizes(self, call: packages.MeasureSizes, token: CancelToken) -> Iterator[list[SizeRow] | int]:
        records = self._database(call.instance, token).records
        wanted = [records[dag_hash] for dag_hash in call.hashes if dag_hash in records]
        total = 0
        for batch in in_batches(self._state.sizes.measure(wanted, token)):
            total += sum(row.bytes or 0 for row in batch)
            yield batch
        yield total

    def folders(self, call: packages.SizeByFolder, token: CancelToken) -> tuple[FolderSize, ...]:
        return tuple(folder_sizes(find_record(self._database(call.instance, token), call.hash), token))

    def describe(self, call: packages.DescribePackage, token: CancelToken) -> PackageDetails:
        database = self._database(call.instance, token)
        return describe_package(self._state.instance(call.instance), database, find_record(database, call.hash))

    def links(self, call: packages.ListLinks, token: CancelToken) -> tuple[PackageLink, ...]:
        database = self._database(call.instance, token)
        record = find_record(database, call.hash)
        return dependents_of(record, database) if call.dependents else dependencies_of(record, database)

    def relatives(self, call: packages.ListRelatives, token: CancelToken) -> tuple[str, ...]:
        database = self._database(call.instance, token)
        if call.dependents:
            return tuple(all_dependents(call.hashes, database))
        return tuple(all_dependencies(database, call.hashes))

    def graph(self, call: packages.PackageGraph, token: CancelToken) -> Graph:
        return package_graph(self._database(call.instance, token), call.hash, call.limit)

    def compare(self, call: packages.ComparePackages, token: CancelToken) -> Comparison:
        world = self._database(call.instance, token).world
        mirrors = self._state.mirrors(call.instance, cwd=Path.home())
        return compare(*(find_dag(ref, world, mirrors, token) for ref in (call.left, call.right)))

    def explain_reuse(self, call: packages.ExplainReuse, token: CancelToken) -> ReuseView:
        instance = self._state.instance(call.instance)
        world = self._database(call.instance, token).world
        mirrors = self._state.mirrors(call.instance, cwd=Path.home())
        return explain_reuse(call.wanted, world, mirrors, reuse_rules(instance), token, mirror=call.mirror)

    def summarize(self, call: packages.SummarizeSelection, token: CancelToken) -> SelectionSummary:
        database = self._database(call.instance, token)
        return summarize_selection(database, call.hashes, self._state.sizes, token)

    def _database(self, instance: str, token: CancelToken) -> Database:
        return self._state.instance(instance).database(token)
