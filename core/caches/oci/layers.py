# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which layers the image of a package has, and in which order. Facts seen in Spack 1.1's output; any thread.

The layers are those of the package and of all it needs to run: what link and run edges reach. They come in reversed
topological order, so the package is always the last one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.spack.specs import Node, PackageRecord

_NEEDED = frozenset({"link", "run"})

NodeOf = Callable[[str], Node | None]


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


def node_source(records: Mapping[str, PackageRecord]) -> NodeOf:
    """The nodes of `records` by hash."""

    def node_of(dag_hash: str) -> Node | None:
        record = records.get(dag_hash)
        return record.node if record is not None else None

    return node_of


def needs_of(
    roots: Sequence[str], node_of: NodeOf, *, selected: Collection[str] | None, held_back: Collection[str] = ()
) -> Needs:
    """What belongs in the image of `roots`. `selected` is None where every dependency is."""
    wanted: list[str] = []
    left_out: list[str] = []
    absent: list[str] = []
    for dag_hash in reversed(topological_order(roots, node_of)):
        node = node_of(dag_hash)
        if node is None or node.external is not None or (dag_hash in held_back and dag_hash not in roots):
            absent.append(dag_hash)
        elif selected is None or dag_hash in selected or dag_hash in roots:
            wanted.append(dag_hash)
        else:
            left_out.append(dag_hash)
    return Needs(tuple(wanted), tuple(left_out), tuple(absent))


def topological_order(roots: Iterable[str], node_of: NodeOf) -> list[str]:
    """`roots` and what they need to run, every package before those it needs, as broad as that allows.

    Kahn's algorithm with a queue: children come by name, and a package follows when the last edge to it was seen.
    Externals are in it, packages without a node are left out.
    """
    given = [dag_hash for dag_hash in dict.fromkeys(roots) if node_of(dag_hash) is not None]
    unseen = Counter(given)
    reached = set(given)
    waiting = list(given)
    while waiting:
        for child in runtime_children(waiting.pop(), node_of):
            unseen[child] += 1
            if child not in reached:
                reached.add(child)
                waiting.append(child)
    order: list[str] = []
    ready: deque[str] = deque()

    def see(dag_hash: str) -> None:
        unseen[dag_hash] -= 1
        if not unseen[dag_hash]:
            ready.append(dag_hash)

    for dag_hash in given:
        see(dag_hash)
    while ready:
        order.append(ready.popleft())
        for child in runtime_children(order[-1], node_of):
            see(child)
    return order


def runtime_children(dag_hash: str, node_of: NodeOf) -> Iterator[str]:
    """What a package needs to run, directly and by name; those without a node are left out."""
    node = node_of(dag_hash)
    if node is not None:
        for edge in sorted(node.dependencies, key=lambda edge: edge.name):
            if not _NEEDED.isdisjoint(edge.deptypes) and node_of(edge.hash) is not None:
                yield edge.hash


def run_dependencies(order: Iterable[str], node_of: NodeOf) -> set[str]:
    """Those of `order` that another of them needs as programs: what a `run` edge leads to."""
    return {
        edge.hash
        for dag_hash in order
        if (node := node_of(dag_hash)) is not None
        for edge in node.dependencies
        if "run" in edge.deptypes
    }
