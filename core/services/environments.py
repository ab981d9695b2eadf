# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Environments of an instance, and what of them is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.package_values import EnvironmentRow
from core.spack.environments import Environment, EnvironmentLock, list_environments, read_lock
from core.spack.instance import Instance
from core.spack.specs import PackageRecord

_RUNTIME_TYPES = frozenset({"link", "run"})


@dataclass(frozen=True, slots=True)
class ConcreteEnvironment:
    """An environment and its lock file; with a `problem` that could not be read and is empty."""

    environment: Environment
    lock: EnvironmentLock
    problem: ErrorInfo | None = None

    def installed(self, records: Mapping[str, PackageRecord]) -> list[str]:
        """The roots `records` has, and for each it has not the nearest link and run dependencies it has."""
        found: dict[str, None] = {}
        pending = list(reversed(self.lock.roots))
        seen: set[str] = set()
        while pending:
            dag_hash = pending.pop()
            if dag_hash in seen:
                continue
            seen.add(dag_hash)
            node = self.lock.nodes.get(dag_hash)
            if dag_hash in records:
                found[dag_hash] = None
            elif node is not None:
                edges = [edge.hash for edge in node.dependencies if not _RUNTIME_TYPES.isdisjoint(edge.deptypes)]
                pending += reversed(edges)
        return list(found)


def concrete_environments(instance: Instance) -> Iterator[ConcreteEnvironment]:
    """The environments the instance manages, and the active one if it is none of these."""
    environments = list_environments(instance)
    active = instance.environment
    if active is not None and all(active.name != environment.name for environment in environments):
        environments = [active, *environments]
    for environment in environments:
        try:
            yield ConcreteEnvironment(environment, read_lock(environment))
        except MirrordeckError as error:
            yield ConcreteEnvironment(environment, EnvironmentLock((), ()), error.info())


def environment_rows(instance: Instance, records: Mapping[str, PackageRecord]) -> tuple[EnvironmentRow, ...]:
    """Every environment with what `records` has of it, roots first. Reads lock files."""
    return tuple(
        EnvironmentRow(
            name=each.environment.name,
            path=str(each.environment.path),
            roots=each.lock.roots,
            hashes=tuple(key for key in dict.fromkeys([*each.lock.roots, *each.lock.nodes]) if key in records),
            problem=each.problem,
        )
        for each in concrete_environments(instance)
    )
