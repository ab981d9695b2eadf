# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Index documents: every package of a cache and all it depends on, in the form of an install database of version 8.

Node objects are never taken apart further than needed and are written exactly as they were read. Facts seen in Spack
1.1's output: records hold `spec`, `ref_count` and `in_buildcache`, the version is text, and there are no blanks.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import msgspec

from core.caches.protocol import IndexRecord
from core.foundation.decoding import from_json, json_decoder
from core.foundation.errors import CacheError, DatabaseError
from core.spack.old_nodes import modern_document
from core.spack.specs import FIRST_FORMAT_WITH_COMPILER_NODES

INDEX_LIMIT_BYTES = 1 << 30
SPEC_LIMIT_BYTES = 64 << 20
_DATABASE_VERSION = "8"
GZIP_MAGIC = b"\x1f\x8b"
_NEWEST_CACHE_LAYOUT = 3
_RECORDS_AT_ONCE = 500  # about a megabyte
_HASH_KEY = b'"hash":"'


class _Dependency(msgspec.Struct, frozen=True, gc=False):
    hash: str


class _Links(msgspec.Struct, frozen=True, gc=False):
    hash: str = ""
    dependencies: tuple[_Dependency, ...] = ()

    def hashes(self) -> list[str]:
        return [dependency.hash for dependency in self.dependencies]


class _Database(msgspec.Struct, frozen=True):
    installs: dict[str, IndexRecord]
    version: str = _DATABASE_VERSION


class _Index(msgspec.Struct, frozen=True):
    database: _Database


class _Meta(msgspec.Struct, frozen=True):
    version: int


class _Nodes(msgspec.Struct, frozen=True):
    nodes: tuple[msgspec.Raw, ...]
    meta: _Meta = msgspec.field(name="_meta", default=_Meta(FIRST_FORMAT_WITH_COMPILER_NODES))


class _Spec(msgspec.Struct, frozen=True):
    spec: _Nodes
    buildcache_layout_version: int = 0


_encoder = msgspec.json.Encoder()
_links_decoder = json_decoder(_Links)


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """A package and all it depends on: node objects by DAG hash, the package's own under `root`, all in `node_format`.

    `indexed` are the same as an index holds them: others only where nodes are of an old format.
    """

    root: str
    nodes: Mapping[str, msgspec.Raw]
    node_format: int
    indexed: Mapping[str, msgspec.Raw]


def decode_index(
    data: bytes, where: str, *, versions: Collection[str] = (_DATABASE_VERSION,)
) -> dict[str, IndexRecord]:
    """Records by DAG hash. They share the memory of `data`. Raises CacheError naming `where`."""
    try:
        database = from_json(data, _Index).database
        if database.version not in versions:
            known = ", ".join(sorted(versions))
            raise ValueError(f"It is of version {database.version[:20]!r}, only {known} is known")
    except (ValueError, RecursionError) as error:
        raise CacheError(f"Cannot understand the index {where}", str(error)) from error
    return database.installs


def encode_index(records: Mapping[str, IndexRecord]) -> Iterator[bytes]:
    """The document in the order of `records`, in pieces: as a whole it would take as much memory as all of them."""
    before = b'{"database":{"version":"%b","installs":{' % _DATABASE_VERSION.encode()
    waiting = iter(records.items())
    while some := dict(islice(waiting, _RECORDS_AT_ONCE)):
        yield before + _encoder.encode(some)[1:-1]
        before = b","
    yield (b"" if records else before) + b"}}}"


def decode_spec(data: bytes, where: str) -> SpecDocument:
    """Read a spec blob, compressed or not. Raises CacheError naming `where`.

    Nodes that the package does not depend on are left out: for a spliced package the document also holds the nodes of
    the one it was built as.
    """
    try:
        text = spec_text(data)
        text.decode("utf-8")
        document = from_json(text, _Spec)
        if document.buildcache_layout_version > _NEWEST_CACHE_LAYOUT:
            raise ValueError(f"It is of cache layout {document.buildcache_layout_version}")
        linked = [(_links(node), node) for node in document.spec.nodes]
        if not linked or not all(links.hash for links, _ in linked):
            raise ValueError("It holds no nodes, or nodes without a hash")
        root = linked[0][0].hash
        nodes = {links.hash: node for links, node in linked}
        nodes = _reachable(root, nodes, {links.hash: links for links, _ in linked})
        node_format = document.spec.meta.version
        return SpecDocument(root, nodes, node_format, _indexed(nodes, node_format))
    except (ValueError, RecursionError, zlib.error, DatabaseError) as error:
        raise CacheError(f"Cannot understand the spec {where}", str(error)) from error


class IndexDraft:
    """An index in the making; not thread-safe.

    Where several documents hold the same node the first one counts, except that a package's own document counts more
    than those of its dependents.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, msgspec.Raw] = {}
        self._wanted: dict[str, int] = {}  # by how many nodes
        self._entries: set[str] = set()

    def add(self, document: SpecDocument) -> None:
        """Put in an entry as its own spec blob describes it."""
        # Copies, because a node would otherwise keep the memory of its whole document.
        for dag_hash, node in document.indexed.items():
            if dag_hash not in self._nodes:
                self._nodes[dag_hash] = node.copy()
                self._count(_links(node).hashes(), 1)
        replaced, own = self._nodes[document.root], document.indexed[document.root]
        if replaced != own:
            self._count(_links(replaced).hashes(), -1)
            self._count(_links(own).hashes(), 1)
        self._nodes[document.root] = own.copy()
        self._entries.add(document.root)

    def keep_all(self, entries: Collection[str], old: Mapping[str, IndexRecord]) -> list[str]:
        """Take over entries and all they depend on from an older index; those that `keep` refuses."""
        if not self._nodes and _is_whole(old, entries):
            self._nodes = {dag_hash: record.document for dag_hash, record in old.items()}
            self._wanted = {dag_hash: record.ref_count for dag_hash, record in old.items()}
            self._entries.update(entries)
            return []
        nodes: dict[str, msgspec.Raw] = {}
        wanted = dict(self._wanted)
        level = set(entries) - self._nodes.keys()
        try:
            while level:
                below: set[str] = set()
                for dag_hash in level:
                    node = nodes[dag_hash] = old[dag_hash].document
                    for dependency in _links(node).dependencies:
                        needed = dependency.hash
                        wanted[needed] = wanted.get(needed, 0) + 1
                        below.add(needed)
                level = below - nodes.keys() - self._nodes.keys()
        except (KeyError, ValueError, RecursionError):
            return [dag_hash for dag_hash in entries if not self.keep(dag_hash, old)]
        self._nodes |= nodes
        self._wanted = wanted
        self._entries.update(entries)
        return []

    def keep(self, dag_hash: str, old: Mapping[str, IndexRecord]) -> bool:
        """Take over an entry and all it depends on from an older index.

        False, with nothing done, if a part of it is missing or damaged there.
        """
        found: dict[str, msgspec.Raw] = {}
        needed: list[str] = []
        waiting = [dag_hash]
        while waiting:
            current = waiting.pop()
            if current in found or current in self._nodes:
                continue
            if current not in old:
                return False
            found[current] = old[current].document
            try:
                hashes = _links(found[current]).hashes()
            except (ValueError, RecursionError):
                return False
            waiting += hashes
            needed += hashes
        self._nodes.update(found)
        self._count(needed, 1)
        self._entries.add(dag_hash)
        return True

    def records(self) -> dict[str, IndexRecord]:
        """All records, sorted by hash so that the same content always gives the same bytes."""
        return {
            dag_hash: IndexRecord(self._nodes[dag_hash], self._wanted.get(dag_hash, 0), dag_hash in self._entries)
            for dag_hash in sorted(self._nodes)
        }

    def _count(self, needed: Iterable[str], by: int) -> None:
        wanted = self._wanted
        for dag_hash in needed:
            wanted[dag_hash] = wanted.get(dag_hash, 0) + by


def without(records: Mapping[str, IndexRecord], hashes: Collection[str]) -> dict[str, IndexRecord]:
    """An index in which the packages with these hashes are no entries any more."""
    draft = IndexDraft()
    draft.keep_all([key for key, record in records.items() if record.in_buildcache and key not in hashes], records)
    return draft.records()


def _is_whole(records: Mapping[str, IndexRecord], entries: Collection[str]) -> bool:
    """Whether an index holds `entries`, all they depend on and nothing else, as far as its counts tell.

    Nodes mention their own hash and those of their dependencies. Where that many are not accounted for something is
    missing, or is written otherwise than Spack does; then it takes a walk through all nodes to know.
    """
    accounted = len(records)
    mentioned = listed = 0
    for record in records.values():
        if record.in_buildcache:
            listed += 1
        elif not record.ref_count:
            return False
        accounted += record.ref_count
        mentioned += bytes(record.document).count(_HASH_KEY)
    return mentioned == accounted and listed == len(entries)


def _indexed(nodes: dict[str, msgspec.Raw], node_format: int) -> dict[str, msgspec.Raw]:
    if node_format >= FIRST_FORMAT_WITH_COMPILER_NODES:
        return nodes
    return {dag_hash: msgspec.Raw(modern_document(node, node_format)) for dag_hash, node in nodes.items()}


def _links(node: msgspec.Raw) -> _Links:
    return _links_decoder.decode(node)


def _reachable(root: str, nodes: Mapping[str, msgspec.Raw], links: Mapping[str, _Links]) -> dict[str, msgspec.Raw]:
    found: dict[str, msgspec.Raw] = {}
    waiting = [root]
    while waiting:
        current = waiting.pop()
        if current in nodes and current not in found:
            found[current] = nodes[current]
            waiting.extend(links[current].hashes())
    return found


def spec_text(data: bytes) -> bytes:
    """The document in a spec blob, compressed or not. Raises ValueError or zlib.error."""
    if not data.startswith(GZIP_MAGIC):
        return data
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    text = unpacker.decompress(data, SPEC_LIMIT_BYTES)
    if not unpacker.eof:
        raise ValueError(f"It is cut short, or larger than {SPEC_LIMIT_BYTES:,} bytes unpacked")
    return text
