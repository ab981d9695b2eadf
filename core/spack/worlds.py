# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Records with what makes questions about many of them fast: names, dependents, virtual packages, Spack's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from core.spack.closures import breadth_first, direct_dependencies
from core.spack.specs import DEPENDENCY_TYPES, FLAG_NAMES, Edge, PackageRecord, ParameterValue
from core.spack.versions import version_key

# To sort so many records it is worth knowing the order of all.
_MANY = 2000

_ParameterKey: TypeAlias = tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]
_NodeKey: TypeAlias = tuple[Any, ...]
_NodeKeys: TypeAlias = dict[str, _NodeKey]  # by hash


class Dependents(NamedTuple):
    """By the hash of a package, hashes of those that need it: for linking or running, only to build, only to test."""

    runtime: dict[str, list[str]]
    build: dict[str, list[str]]
    test: dict[str, list[str]]


class World:
    """Packages by hash with their dependencies; must not change any more.

    Everything else is found out when it is first asked for, for 100,000 records within a second, and kept. Any thread:
    at worst two of them find out the same.
    """

    def __init__(self, records: Mapping[str, PackageRecord]) -> None:
        self.records = records
        self._parameter_keys: dict[int, _ParameterKey] = {}

    @cached_property
    def by_name(self) -> dict[str, list[PackageRecord]]:
        found: dict[str, list[PackageRecord]] = {}
        for record in self.records.values():
            found.setdefault(record.node.name, []).append(record)
        return found

    @cached_property
    def dependents(self) -> Dependents:
        found = Dependents({}, {}, {})
        for dag_hash, record in self.records.items():
            for edge in record.node.dependencies:
                types = edge.parameters.deptypes
                kind = found.runtime if "link" in types or "run" in types else found.build if "build" in types else None
                (found.test if kind is None else kind).setdefault(edge.hash, []).append(dag_hash)
        return found

    @cached_property
    def providers(self) -> dict[str, set[str]]:
        """By the name of a virtual package, hashes of the packages that others use as it."""
        found: dict[str, set[str]] = {}
        for record in self.records.values():
            for edge in record.node.dependencies:
                for virtual in edge.parameters.virtuals:
                    found.setdefault(virtual, set()).add(edge.hash)
        return found

    @cached_property
    def in_order(self) -> list[PackageRecord]:
        """All records as Spack lists them."""
        keys: _NodeKeys = {}
        return [record for name in sorted(self.by_name) for record in self._sorted(self.by_name[name], keys)]

    def sorted(self, records: Iterable[PackageRecord]) -> list[PackageRecord]:
        """`records` by name, namespace, version, variants, flags and architecture, then by their dependencies."""
        some = list(records)
        if len(some) <= _MANY and "_ranks" not in self.__dict__:
            return self._sorted(some, {})
        ranks = self._ranks
        return sorted(some, key=lambda record: ranks[record.hash])

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {record.hash: rank for rank, record in enumerate(self.in_order)}

    def _sorted(self, records: list[PackageRecord], keys: _NodeKeys) -> list[PackageRecord]:
        """Dependencies are looked at only where the packages themselves are equal."""
        groups: dict[_NodeKey, list[PackageRecord]] = {}
        for record in records:
            groups.setdefault(self._node_key(record, keys), []).append(record)
        for group in groups.values():
            if len(group) > 1:
                self._sort_equal(group, keys)
        return [record for key in sorted(groups) for record in groups[key]]

    def _sort_equal(self, group: list[PackageRecord], keys: _NodeKeys) -> None:
        """Sort by all dependencies; mostly the direct ones, which come first among them, decide."""
        order = {
            record.hash: self._dependencies_key(direct_dependencies(self.records, record), keys) for record in group
        }
        if len(set(order.values())) < len(group) or len(set(map(len, order.values()))) > 1:
            for record in group:
                hashes = breadth_first(self.records, [record.hash], DEPENDENCY_TYPES)[1:]
                order[record.hash] = self._dependencies_key(hashes, keys)
        group.sort(key=lambda record: (order[record.hash], record.hash))

    def _dependencies_key(self, hashes: Iterable[str], keys: _NodeKeys) -> tuple[_NodeKey, ...]:
        return tuple([self._node_key(self.records[dag_hash], keys) for dag_hash in hashes])

    def _node_key(self, record: PackageRecord, keys: _NodeKeys) -> _NodeKey:
        """What tells a package from others without its dependencies; kept in `keys`."""
        key = keys.get(record.hash)
        if key is None:
            node = record.node
            # By identity: records of one reading share equal parameters, and none of them goes away before this world
            # does.
            parameters = self._parameter_keys.get(id(node.parameters))
            if parameters is None:
                parameters = self._parameter_keys[id(node.parameters)] = _parameter_key(node.parameters)
            architecture = (node.platform, node.os, node.target)
            key = (node.name, node.namespace, version_key(node.version), *parameters, architecture, node.package_hash)
            keys[record.hash] = key
        return key

    def runtime_edges(self, record: PackageRecord) -> Iterator[Edge]:
        """The edges `^` looks at: those for linking and running of the whole DAG, and the record's own for building."""
        seen = {record.hash}
        pending = [record]
        for one in pending:  # grows while it is walked
            for edge in one.node.dependencies:
                types = edge.parameters.deptypes
                if "link" in types or "run" in types:
                    yield edge
                    child = self.records.get(edge.hash)
                    if child is not None and edge.hash not in seen:
                        seen.add(edge.hash)
                        pending.append(child)
                elif one is record and "build" in types:
                    yield edge


def _parameter_key(parameters: Mapping[str, ParameterValue]) -> _ParameterKey:
    """What the order of packages looks at: variants, then flags."""
    texts = [(name, *_texts(value)) for name, value in sorted(parameters.items())]
    variants = tuple(one for one in texts if one[0] not in FLAG_NAMES)
    return variants, tuple(one for one in texts if one[0] in FLAG_NAMES)


def _texts(value: ParameterValue) -> tuple[str, ...]:
    return (str(value),) if isinstance(value, bool | str) else tuple(value)
