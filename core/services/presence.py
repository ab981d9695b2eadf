# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What mirrors have of what an instance has installed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.caches.browsing import EntryKind
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheIndex, EntryName, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.decoding import json_decoder
from core.foundation.errors import AuthRequired, ErrorInfo, MirrordeckError, UsageError, describe
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.contents_memory import ContentsMemory
from core.services.package_values import Holding, MirrorPresence, RemotePackage
from core.services.presence_memory import KnownPackages, PresenceMemory
from core.services.side_by_side import side_by_side
from core.spack.database import Database
from core.spack.instance import Instance
from core.spack.specs import Architecture, PackageRecord


class _Named(msgspec.Struct, gc=False):
    name: str
    version: str
    arch: Architecture

    @property
    def target(self) -> str:
        return self.arch.target if isinstance(self.arch.target, str) else self.arch.target.name


_named_decoder = json_decoder(_Named)


@dataclass(frozen=True, slots=True)
class Known:
    """A mirror and what is known of it; with an `error` it could not be read just now, or not be opened at all."""

    mirror: Mirror
    packages: KnownPackages | None
    error: ErrorInfo | None = None

    @property
    def name(self) -> str:
        return self.mirror.name or self.mirror.fetch.url

    def presence(self, database: Database, *, with_hashes: bool = True) -> MirrorPresence:
        """As the window shows it."""
        known = self.packages
        if known is None:
            return MirrorPresence(self.name, None, error=self.error)
        here = tuple(dag_hash for dag_hash in known.packages if dag_hash in database.records)
        return MirrorPresence(
            mirror=self.name,
            read_at=known.read_at,
            index_written_at=known.index_written_at,
            has_index=known.has_index,
            hashes=here if with_hashes else (),
            others=len(known.packages) - len(here),
            error=self.error,
        )


class Mirrors:
    """The mirrors of an instance as far as they hold binaries, and what is known of them. Any thread.

    `cwd` is what relative addresses are relative to.
    """

    def __init__(self, instance: Instance, access: CacheAccess, memory: PresenceMemory, *, cwd: Path) -> None:
        self._access = access
        self._memory = memory
        self._listing = mirrors_of(instance)
        self._cwd = cwd

    def chosen(self, names: Sequence[str] = ()) -> list[Mirror]:
        """Those of `names`, each a name or any address; all that hold binaries if there are none. Raises UsageError."""
        if names:
            return [resolve_mirror(name, self._listing, cwd=self._cwd) for name in names]
        return [mirror for mirror in self._listing.mirrors if mirror.binary]

    def without_binaries(self) -> list[Mirror]:
        """Those from which Spack takes no binaries."""
        return [mirror for mirror in self._listing.mirrors if not mirror.binary]

    def known(self, mirrors: Sequence[Mirror], token: CancelToken, *, refresh: bool) -> Iterator[Known]:
        """What is known of `mirrors`: from memory in their order, or read now, in the order they answer."""
        if refresh:
            yield from side_by_side(mirrors, lambda mirror: self._read(mirror, token), token)
        else:
            yield from map(self._remembered, mirrors)

    def read(self, mirrors: Sequence[Mirror], token: CancelToken) -> Iterator[KnownPackages]:
        """What `mirrors` have now. Raises what the first one raises that cannot be read."""
        yield from side_by_side(mirrors, lambda mirror: self._packages(mirror, token), token)

    def open(self, mirror: Mirror) -> ReadableCache:
        """What `mirror` fetches from; where that cannot be opened, what it pushes to. Raises UsageError."""
        try:
            return self._access.open(mirror, Direction.FETCH)
        except UsageError:
            if mirror.push.url == mirror.fetch.url:
                raise
            return self._access.open(mirror, Direction.PUSH)

    def _remembered(self, mirror: Mirror) -> Known:
        try:
            return Known(mirror, self._memory.get(self.open(mirror).url))
        except MirrordeckError as error:
            return Known(mirror, None, error.info())

    def _read(self, mirror: Mirror, token: CancelToken) -> Known:
        try:
            return Known(mirror, self._packages(mirror, token))
        except (MirrordeckError, OSError) as error:
            remembered = self._remembered(mirror)
            return Known(mirror, remembered.packages, describe(error))

    def _packages(self, mirror: Mirror, token: CancelToken) -> KnownPackages:
        try:
            return self._packages_of(self.open(mirror), token)
        except AuthRequired:
            if mirror.push.url != mirror.fetch.url:
                raise
            # Spack uses the first login of a host everywhere there, also where the file names none for fetching.
            return self._packages_of(self._access.open(mirror, Direction.PUSH), token)

    def _packages_of(self, cache: ReadableCache, token: CancelToken) -> KnownPackages:
        index = cache.read_index(token=token)
        packages = indexed_packages(index) if index is not None else listed_packages(cache, token)
        written = (index.written_at or None) if index is not None else None
        known = KnownPackages(cache.url, time.time(), index is not None, written, packages)
        self._memory.put(known)
        return known


def find_holdings(
    mirrors: Mirrors, contents: ContentsMemory, record: PackageRecord, token: CancelToken, *, refresh: bool
) -> Iterator[Holding]:
    """What each mirror has of one package, in the order they answer; without `refresh` from memory alone."""

    def look(mirror: Mirror) -> Holding:
        name = mirror.name or mirror.fetch.url
        entry = EntryName(record.name, record.version, record.hash)
        try:
            cache = mirrors.open(mirror)
            found = cache.present([entry], signed=False, token=token).get(record.hash)
        except (MirrordeckError, OSError) as error:
            return Holding(name, None, None, error=describe(error))
        if found is None:
            return Holding(name, present=False, read_at=time.time())
        return Holding(
            mirror=name,
            present=True,
            read_at=time.time(),
            manifest_digest=found.manifest_digest,
            blob_digest=found.blob_digest,
            stored_bytes=found.stored_bytes,
            modified=found.modified,
            signed=found.signed,
        )

    chosen = mirrors.chosen()
    if refresh:
        yield from side_by_side(chosen, look, token)
    else:
        for known in mirrors.known(chosen, token, refresh=False):
            yield _remembered_holding(known, contents, record)


def _remembered_holding(known: Known, contents: ContentsMemory, record: PackageRecord) -> Holding:
    if known.packages is None:
        return Holding(known.name, None, None, error=known.error)
    listing = contents.get(known.packages.url)
    row = next((row for row in listing.rows if row.hash == record.hash), None) if listing is not None else None
    present = record.hash in known.packages.packages
    if row is None or not present:
        return Holding(known.name, present, known.packages.read_at)
    return Holding(
        mirror=known.name,
        present=True,
        read_at=known.packages.read_at,
        manifest_digest=row.manifest_digest,
        blob_digest=row.blob_digest,
        stored_bytes=row.stored_bytes,
        modified=row.modified,
        signed=row.signed,
    )


def indexed_packages(index: CacheIndex) -> dict[str, RemotePackage]:
    """What the index lists as being in the cache, by hash."""
    found = {}
    for dag_hash, record in index.records.items():
        if record.in_buildcache:
            try:
                node = _named_decoder.decode(record.document)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # its hash is what counts
                node = _Named("", "", Architecture("", "", ""))
            found[dag_hash] = RemotePackage(dag_hash, node.name, node.version, node.target, None)
    return found


def listed_packages(cache: ReadableCache, token: CancelToken) -> dict[str, RemotePackage]:
    """What is in a cache by the names of its files or tags, by hash; for one without an index."""
    return {
        listed.entry.hash: RemotePackage(
            listed.entry.hash, listed.entry.name, listed.entry.version, listed.target, listed.stored_bytes
        )
        for listed in cache.browser().names(token)
        if listed.kind is EntryKind.PACKAGE and listed.entry is not None
    }
