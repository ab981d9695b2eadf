# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which layers the image of a package has, and in which order. Facts seen in Spack 1.1's output; any thread.

The layers are those of the package and of all it needs to run: what link and run edges reach. They come in reversed
topological order, so the package is always the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.spack.specs import Edge, Node, PackageRecord

_NEEDED = frozenset({"link", "run"})


@dataclass(frozen=True, slots=True)
class Layer:
    """A package's archive as part of an image. `digest` and `size` are of the stored bytes, `diff_id` of the tar."""

    digest: str
    size: int
    diff_id: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What the image of some roots is made of, as hashes in layer order, dependencies first.

    `wanted` holds the packages whose layers belong in it, the roots among them. `left_out` are those the person did
    not select, `absent` those that never have a layer here: external, or not to be given away.
    """

    wanted: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class RunGraph:
    """Which of `records` need which others to run, by hash. Remembers it, because images share most of their packages:
    nodes may not change meanwhile."""

    def __init__(self, records: Mapping[str, PackageRecord]) -> None:
        self._records = records
        self._children: dict[str, tuple[str, ...]] = {}
        self._programs: dict[str, tuple[str, ...]] = {}

    def node(self, dag_hash: str) -> Node | None:
        record = self._records.get(dag_hash)
        return record.node if record is not None else None

    def children(self, dag_hash: str) -> tuple[str, ...]:
        """What a package needs to run, directly and by name; those without a node are left out."""
        found = self._children.get(dag_hash)
        if found is None:
            edges = sorted(self._edges(dag_hash), key=lambda edge: edge.name)
            needed = (edge.hash for edge in edges if not _NEEDED.isdisjoint(edge.deptypes))
            found = self._children[dag_hash] = tuple(child for child in needed if child in self._records)
        return found

    def programs(self, dag_hash: str) -> tuple[str, ...]:
        """What a package needs as programs, directly: what its `run` edges lead to."""
        found = self._programs.get(dag_hash)
        if found is None:
            found = tuple(edge.hash for edge in self._edges(dag_hash) if "run" in edge.deptypes)
            self._programs[dag_hash] = found
        return found

    def _edges(self, dag_hash: str) -> tuple[Edge, ...]:
        node = self.node(dag_hash)
        return node.dependencies if node is not None else ()


def needs_of(
    roots: Sequence[str], graph: RunGraph, *, selected: Collection[str] | None, held_back: Collection[str] = ()
) -> Needs:
    """What belongs in the image of `roots`. `selected` is None where every dependency is."""
    wanted: list[str] = []
    left_out: list[str] = []
    absent: list[str] = []
    for dag_hash in reversed(topological_order(roots, graph)):
        node = graph.node(dag_hash)
        if node is None or node.external is not None or (dag_hash in held_back and dag_hash not in roots):
            absent.append(dag_hash)
        elif selected is None or dag_hash in selected or dag_hash in roots:
            wanted.append(dag_hash)
        else:
            left_out.append(dag_hash)
    return Needs(tuple(wanted), tuple(left_out), tuple(absent))


def topological_order(roots: Iterable[str], graph: RunGraph) -> list[str]:
    """`roots` and what they need to run, every package before those it needs, as broad as that allows.

    Kahn's algorithm with a queue: children come by name, and a package follows when the last edge to it was seen.
    Externals are in it, packages without a node are left out.
    """
    given = [dag_hash for dag_hash in dict.fromkeys(roots) if graph.node(dag_hash) is not None]
    unseen = dict.fromkeys(given, 1)
    reached = list(given)
    for dag_hash in reached:  # grows meanwhile
        for child in graph.children(dag_hash):
            if child in unseen:
                unseen[child] += 1
            else:
                unseen[child] = 1
                reached.append(child)
    order: list[str] = []

    def see(dag_hash: str) -> None:
        unseen[dag_hash] -= 1
        if not unseen[dag_hash]:
            order.append(dag_hash)

    for dag_hash in given:
        see(dag_hash)
    for dag_hash in order:  # grows meanwhile
        for child in graph.children(dag_hash):
            see(child)
    return order
