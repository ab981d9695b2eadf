# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All that lies in a cache and what needs what: the ground on which deletions are planned. Pure values, any thread."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from core.caches.browsing import EntryKind
from core.caches.index import SpecDocument
from core.caches.protocol import EntryName
from core.foundation.errors import MirrordeckError
from core.spack.specs import Node, decode_node


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a manifest. `key` is a tag, or a path in a folder; `digest` and `size` are the manifest's.

    `blobs` are digests of all it needs, blobs or other manifests. `modified` is in unix seconds by the cache's clock,
    0 where that is not known. Packages of the same `kin` differ in nothing but version and dependencies. What is
    `broken` says why nobody can use it; `readable` is False if even its blobs are not known.
    """

    key: str
    kind: EntryKind
    entry: EntryName | None
    digest: str
    size: int
    blobs: tuple[str, ...]
    modified: float
    kin: str = ""
    broken: str = ""
    readable: bool = True


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is there. `modified` is 0 where that is not known."""

    size: int
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Inventory:
    """`edges` are the dependencies of every package that is heard of, in the cache or not, all types of them.

    `index_written_at` is None without an index, 0 where it is not known; `read_at` is by the cache's clock. `by_digest`
    says that a manifest goes with all its names.
    """

    things: tuple[Thing, ...]
    blobs: Mapping[str, StoredBlob]
    edges: Mapping[str, tuple[str, ...]]
    read_at: float
    index_written_at: float | None = None
    by_digest: bool = False

    def packages(self) -> Iterator[Thing]:
        return (thing for thing in self.things if thing.kind is EntryKind.PACKAGE)

    def reachable(self, hashes: Iterable[str]) -> set[str]:
        """`hashes` and all they depend on."""
        found: set[str] = set()
        waiting = list(hashes)
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(self.edges.get(current, ()))
        return found

    def dependents(self, hashes: Collection[str]) -> dict[str, str]:
        """What depends on any of `hashes`, directly or not, these themselves left out; and on which, one of the
        nearest."""
        needed_by: defaultdict[str, list[str]] = defaultdict(list)
        for dag_hash, needs in self.edges.items():
            for needed in needs:
                needed_by[needed].append(dag_hash)
        causes = {dag_hash: dag_hash for dag_hash in hashes}
        waiting = deque(hashes)
        while waiting:
            current = waiting.popleft()
            for dependent in needed_by.get(current, ()):
                if dependent not in causes:
                    causes[dependent] = causes[current]
                    waiting.append(dependent)
        return {dag_hash: cause for dag_hash, cause in causes.items() if dag_hash not in hashes}

    def last_used(self, thing: Thing) -> float:
        """When the thing or any of its blobs was last written; pushes that rely on a package refresh a blob of it."""
        times = (self.blobs[digest].modified for digest in thing.blobs if digest in self.blobs)
        return max(thing.modified, *times, 0.0)


class EdgeCollector:
    """Dependencies from many documents, each package looked at once. Not thread-safe."""

    def __init__(self) -> None:
        self.edges: dict[str, tuple[str, ...]] = {}

    def add(self, dag_hash: str, document: msgspec.Raw) -> Node | None:
        """The node itself; None, with nothing learnt, if it cannot be understood."""
        try:
            node = decode_node(document)
        except MirrordeckError:
            return None
        self.edges[dag_hash] = tuple(edge.hash for edge in node.dependencies)
        return node

    def add_document(self, document: SpecDocument) -> Node | None:
        """All of a package's document; the package's own node."""
        for dag_hash, node in document.nodes.items():
            if dag_hash not in self.edges:
                self.add(dag_hash, node)
        return self.add(document.root, document.nodes[document.root])


def kin_of(node: Node) -> str:
    """The same for packages that can stand in for each other: name, architecture, variants, compilers and other
    providers."""
    variants = sorted(node.parameters.items())
    providers = sorted((virtual, edge.name) for edge in node.dependencies for virtual in edge.virtuals)
    return msgspec.json.encode((node.namespace, node.name, node.architecture, variants, providers)).decode()
