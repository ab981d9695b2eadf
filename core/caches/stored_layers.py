# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The two layouts that may lie in one place, read alike: which packages there are, what each consists of, the index.

Where nothing can be listed, an index says which packages there are. Methods block and raise NotFound, CacheError and
what the place raises; they may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import msgspec

from core.caches.folder_objects import read_blob
from core.caches.index import INDEX_LIMIT_BYTES, SPEC_LIMIT_BYTES, SpecDocument, decode_index, decode_spec
from core.caches.layout2 import (
    OLD_INDEX,
    OLD_INDEX_HASH,
    OLD_INDEX_VERSIONS,
    OLD_PREFIX,
    SIGNED_SUFFIX,
    decode_entry,
    entry_keys,
    hash_in,
    is_old_entry,
)
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    INDEX_MANIFEST,
    INDEX_TYPE,
    LAYOUT_KEY,
    SPEC_PREFIX,
    SPEC_TYPE,
    blob_key,
    entry_manifest,
    entry_of,
    is_entry_manifest,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, BlobRecord, decode_manifest
from core.caches.protocol import BlobAt, CacheIndex, EntryName, IndexRecord, StoredPackage
from core.foundation.decoding import from_json
from core.foundation.digests import digest_of, is_dag_hash, parse_digest
from core.foundation.errors import BadAnswer, CacheError, MirrordeckError, NotFound, StorageFailed
from core.signing.clearsign import is_clearsigned
from core.spack.specs import Node, decode_node
from core.storage.reading import Files, Stat

_HASH_FILE_BYTES = 1024
# Where mirrors of sources have theirs (Spack 1.1, seen in its output).
_SOURCES = "_source-cache"
_MARK_BYTES = 64 << 10


class KeptBlobs(Protocol):
    """What came over the network before, by digest; trouble with it is never an error."""

    def known(self, digest: str, limit: int) -> bytes | None: ...

    def keep(self, data: bytes) -> None: ...

    def prune(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Named:
    """A package as it is listed: the key of its manifest, and when that was last changed if the listing says so.

    `entry` is None if the name is not that of a package; the rest is in its documents. `target` is "" where not known.
    """

    key: str
    entry: EntryName | None
    modified: float | None = None
    target: str = ""


class Layer(Protocol):
    """One layout in one place."""

    def names(self) -> list[Named]: ...

    def package(self, key: str) -> StoredPackage: ...

    def spec(self, package: StoredPackage) -> SpecDocument: ...

    def index(self) -> CacheIndex | None: ...


class CurrentLayer:
    """Layout 3 in `files`."""

    def __init__(self, files: Files, kept: KeptBlobs | None = None) -> None:
        self._files = files
        self._kept = kept

    def names(self) -> list[Named]:
        listing = self._files.scan(SPEC_PREFIX)
        if listing is not None:
            return [Named(key, entry_of(key), facts.mtime) for key, facts in listing if is_entry_manifest(key)]
        index = self.index()
        found = []
        for node in _entry_nodes(index.records) if index is not None else ():
            entry = EntryName(node.name, node.version, node.hash)
            found.append(Named(entry_manifest(entry), entry, target=node.target))
        return found

    def package(self, key: str) -> StoredPackage:
        data, facts = self._files.fetch(key, MANIFEST_LIMIT_BYTES)
        where = self._files.where(key)
        manifest = decode_manifest(data, where)
        entry = package_of(key, where)
        archive, spec = (_blob_at(manifest.blob(kind)) for kind in (ARCHIVE_TYPE, SPEC_TYPE))
        return StoredPackage(entry, key, data, facts.mtime, is_clearsigned(data), archive, spec)

    def spec(self, package: StoredPackage) -> SpecDocument:
        where = self._files.where(package.key)
        record = decode_manifest(package.manifest, where).blob(SPEC_TYPE)
        return decode_spec(read_blob(self._files, record, SPEC_LIMIT_BYTES), where)

    def index(self) -> CacheIndex | None:
        return read_index(self._files, self._kept)


class OldLayer:
    """Layout 2 in `files`."""

    def __init__(self, files: Files, kept: KeptBlobs | None = None) -> None:
        self._files = files
        self._kept = kept

    def names(self) -> list[Named]:
        listing = self._files.scan(OLD_PREFIX)
        nodes: dict[str, Node] = {}
        # Where files are listed, the index only saves reading them.
        with suppress(*(() if listing is None else (CacheError,))):
            index = self.index()
            nodes = {node.hash: node for node in _entry_nodes(index.records)} if index is not None else {}
        if listing is not None:
            found = [(key, facts.mtime) for key, facts in listing if is_old_entry(key)]
            return [_old_name(key, nodes.get(hash_in(key)), mtime) for key, mtime in found]
        # Which of the two names it has, only asking can tell.
        return [_old_name(entry_keys(node)[0], node, None) for node in nodes.values() if node.compiler is not None]

    def package(self, key: str) -> StoredPackage:
        key, data, facts = self._fetch(key)
        old = decode_entry(data, key, self._files.where(key))
        archive, spec = BlobAt(old.archive_key, old.archive_digest, None), BlobAt(key, digest_of(data), len(data))
        return StoredPackage(old.entry, key, data, facts.mtime, is_clearsigned(data), archive, spec, old.layout)

    def spec(self, package: StoredPackage) -> SpecDocument:
        return decode_entry(package.manifest, package.key, self._files.where(package.key)).spec

    def index(self) -> CacheIndex | None:
        data = self._kept_index()
        written_at = 0.0
        if data is None:
            try:
                data, facts = self._files.fetch(OLD_INDEX, INDEX_LIMIT_BYTES)
            except NotFound:
                return None
            written_at = facts.mtime
            if self._kept is not None:
                self._kept.keep(data)
                self._kept.prune()
        where = self._files.where(OLD_INDEX)
        return CacheIndex(decode_index(data, where, versions=OLD_INDEX_VERSIONS), digest_of(data), written_at)

    def _kept_index(self) -> bytes | None:
        """The index if it came over the network before and the little file beside it says that it is still the same."""
        if self._kept is None:
            return None
        try:
            text, _ = self._files.fetch(OLD_INDEX_HASH, _HASH_FILE_BYTES)
            return self._kept.known(parse_digest(f"sha256:{text.decode('ascii').strip()}"), INDEX_LIMIT_BYTES)
        except (NotFound, ValueError):
            return None

    def _fetch(self, key: str) -> tuple[str, bytes, Stat]:
        """A spec file by either of its names, and the one it has."""
        try:
            data, facts = self._files.fetch(key, SPEC_LIMIT_BYTES)
        except NotFound:
            plain = key.removesuffix(SIGNED_SUFFIX)
            if plain == key:
                raise
            data, facts = self._files.fetch(plain, SPEC_LIMIT_BYTES)
            return plain, data, facts
        return key, data, facts


def read_index(files: Files, kept: KeptBlobs | None = None) -> CacheIndex | None:
    """The index of layout 3, None if there is none. Raises CacheError if it cannot be understood."""
    try:
        text, facts = files.fetch(INDEX_MANIFEST, MANIFEST_LIMIT_BYTES)
    except NotFound:
        return None
    manifest = decode_manifest(text, files.where(INDEX_MANIFEST))
    record = manifest.blob(INDEX_TYPE)
    data = kept.known(record.digest, INDEX_LIMIT_BYTES) if kept is not None else None
    if data is None:
        try:
            data = read_blob(files, record, INDEX_LIMIT_BYTES)
        except NotFound as error:
            raise CacheError(f"The index {manifest.where} is missing", error.why) from error
        if kept is not None:
            kept.keep(data)
            kept.prune()
    return CacheIndex(decode_index(data, manifest.where), record.digest, facts.mtime)


def mark_problem(files: Files) -> str:
    """What is wrong with the layout mark, "" if nothing is: without it Spack takes a cache for one of an old layout."""
    try:
        data, _ = files.fetch(LAYOUT_KEY, _MARK_BYTES)
        signing = from_json(data, dict[str, str]).get("signing")
    except NotFound:
        return "is missing, so Spack takes this for a cache of an old layout"
    except (ValueError, RecursionError, StorageFailed, BadAnswer) as error:
        return f"is damaged: {error}"
    return "" if signing == "gpg" else "is damaged: it says something else than usual"


def the_ones_that_count(names: Iterable[Named]) -> Iterator[Named]:
    """Each package once: where it has both a signed and an unsigned spec file, Spack takes the signed one."""
    chosen: dict[str, Named] = {}
    for named in names:
        name = named.entry.hash if named.entry is not None else named.key
        if name not in chosen or named.key.endswith(SIGNED_SUFFIX):
            chosen[name] = named
    yield from chosen.values()


def refuse_sources(files: Files) -> None:
    """Raise NotFound for a mirror of sources: there is no package in it, and nothing of a build cache."""
    if files.stat(LAYOUT_KEY) is not None or not _holds(files, _SOURCES):
        return
    if not any(_holds(files, prefix) for prefix in (SPEC_PREFIX, OLD_PREFIX)):
        place = files.where(LAYOUT_KEY).removesuffix(f"/{LAYOUT_KEY}")
        raise NotFound("There is no build cache", f"{place} holds sources of packages only, as source mirrors do")


def _holds(files: Files, prefix: str) -> bool:
    listing = files.scan(prefix)
    return listing is not None and next(listing, None) is not None


def package_of(key: str, where: str) -> EntryName:
    """The package whose manifest `key` is. Raises CacheError naming `where` if it has no such name."""
    entry = entry_of(key)
    if entry is None:
        raise CacheError(f"Cannot understand {where}", "Its name is not that of a package")
    return entry


def layer_of(key: str, current: CurrentLayer, old: OldLayer) -> Layer:
    """The layout that a manifest belongs to."""
    return old if key.startswith(f"{OLD_PREFIX}/") else current


def _old_name(key: str, node: Node | None, modified: float | None) -> Named:
    """The name of a spec file says the hash for sure; without an index the rest has to be read."""
    dag_hash = hash_in(key)
    if node is None:
        return Named(key, EntryName("", "", dag_hash) if dag_hash else None, modified)
    return Named(key, EntryName(node.name, node.version, dag_hash), modified, node.target)


def _entry_nodes(records: Mapping[str, IndexRecord]) -> Iterator[Node]:
    """Nodes of the packages that an index says are there; odd ones are left out."""
    for dag_hash, record in records.items():
        if record.in_buildcache and is_dag_hash(dag_hash):
            with suppress(MirrordeckError):
                yield msgspec.structs.replace(decode_node(record.document), hash=dag_hash)


def _blob_at(record: BlobRecord) -> BlobAt:
    return BlobAt(blob_key(record.digest), record.digest, record.content_length)
