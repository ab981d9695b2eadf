# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who depends on whom: direct links, everything reachable, and the layers of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.foundation.errors import NotFound
from core.services.package_values import Graph, GraphEdge, GraphNode, PackageLink
from core.spack.closures import breadth_first, push_order
from core.spack.database import Database
from core.spack.specs import DEPENDENCY_TYPES, Edge, PackageRecord


def find_record(database: Database, dag_hash: str) -> PackageRecord:
    """Raises NotFound."""
    record = database.records.get(dag_hash)
    if record is None:
        raise NotFound("This package is not in the database any more", dag_hash)
    return record


def dependencies_of(record: PackageRecord, database: Database) -> tuple[PackageLink, ...]:
    """The direct dependencies by name."""
    return tuple(_link(edge, edge.hash, database) for edge in sorted(record.node.dependencies, key=_by_name))


def dependents_of(record: PackageRecord, database: Database) -> tuple[PackageLink, ...]:
    """The direct dependents by name and version."""
    links = [
        _link(edge, parent, database)
        for parent in _parents(record.hash, database)
        for edge in database.records[parent].node.dependencies
        if edge.hash == record.hash
    ]
    return tuple(sorted(links, key=lambda link: (link.name, link.version, link.hash)))


def all_dependents(hashes: Iterable[str], database: Database) -> list[str]:
    """`hashes` and everything that needs any of them in any way, the nearest first."""
    order = list(dict.fromkeys(hashes))
    seen = set(order)
    for dag_hash in order:  # grows while it is walked
        for parent in _parents(dag_hash, database):
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
    return order


def all_dependencies(database: Database, hashes: Sequence[str]) -> list[str]:
    """`hashes` and what a push would take along: their link and run dependencies, dependencies first."""
    return push_order(database, hashes, with_build_dependencies=False)


def package_graph(database: Database, dag_hash: str, limit: int) -> Graph:
    """As `graph_of`, of an installed package. Raises NotFound."""
    find_record(database, dag_hash)
    return graph_of(database.records, dag_hash, limit)


def graph_of(records: Mapping[str, PackageRecord], dag_hash: str, limit: int) -> Graph:
    """All that one of `records` depends on, in layers: the longest way down from it decides."""
    everything = breadth_first(records, [dag_hash], DEPENDENCY_TYPES)
    shown = everything[: max(1, limit)]
    levels = _levels(shown, records)
    nodes = tuple(
        GraphNode(each, records[each].name, records[each].version, records[each].state, levels[each]) for each in shown
    )
    edges = tuple(
        GraphEdge(each, edge.hash, edge.deptypes, edge.virtuals)
        for each in shown
        for edge in records[each].node.dependencies
        if edge.hash in levels
    )
    return Graph(nodes, edges, len(everything) - len(shown))


def _levels(shown: Sequence[str], records: Mapping[str, PackageRecord]) -> dict[str, int]:
    """For each of `shown`, whose first is the top, the longest way from there. Edges that close a circle, which only a
    damaged database has, do not count."""
    levels = dict.fromkeys(shown, 0)
    parents_first = _children_first(shown[0], levels, records)[::-1]
    places = {dag_hash: place for place, dag_hash in enumerate(parents_first)}
    for parent in parents_first:
        for edge in records[parent].node.dependencies:
            if edge.hash in levels and places[edge.hash] > places[parent]:
                levels[edge.hash] = max(levels[edge.hash], levels[parent] + 1)
    return levels


def _children_first(top: str, among: Mapping[str, int], records: Mapping[str, PackageRecord]) -> list[str]:
    order: list[str] = []
    entered: set[str] = {top}
    pending = [(top, iter(records[top].node.dependencies))]
    while pending:
        dag_hash, edges = pending[-1]
        child = next((edge.hash for edge in edges if edge.hash in among and edge.hash not in entered), None)
        if child is None:
            order.append(dag_hash)
            pending.pop()
        else:
            entered.add(child)
            pending.append((child, iter(records[child].node.dependencies)))
    return order


def _parents(dag_hash: str, database: Database) -> list[str]:
    """Hashes of the direct dependents, each once."""
    return list(dict.fromkeys(parent for kind in database.world.dependents for parent in kind.get(dag_hash, ())))


def _link(edge: Edge, other: str, database: Database) -> PackageLink:
    record = database.records.get(other)
    if record is None:
        return PackageLink(other, edge.name, "", edge.deptypes, edge.virtuals, "")
    return PackageLink(other, record.name, record.version, edge.deptypes, edge.virtuals, record.state)


def _by_name(edge: Edge) -> str:
    return edge.name
