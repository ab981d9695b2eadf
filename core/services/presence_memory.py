# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which packages mirrors had when they were last read."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from core.caches.browsing import EntryKind
from core.foundation.decoding import json_decoder
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write
from core.services.contents_memory import ContentsMemory
from core.services.package_values import RemotePackage


class KnownPackages(msgspec.Struct, frozen=True):
    """What a mirror had at `read_at`, by its index or, without one, by its listing. `url` is the cache's address."""

    url: str
    read_at: float
    has_index: bool | None
    index_written_at: float | None
    packages: dict[str, RemotePackage]


_decoder = json_decoder(KnownPackages)


class PresenceMemory:
    """What is known of caches by address, as files in `directory`; what `contents` knows counts where it is newer.

    Thread-safe. Trouble with the files is never an error: then nothing is known. Without `keep` no file is written.
    """

    def __init__(self, directory: Path, contents: ContentsMemory, *, keep: bool) -> None:
        self._directory = directory
        self._contents = contents
        self._keep = keep
        self._lock = threading.Lock()
        self._read: dict[str, KnownPackages] = {}
        self._listed: dict[str, tuple[float, KnownPackages]] = {}

    def get(self, url: str) -> KnownPackages | None:
        """The newest that is known, None if nothing is."""
        known = [each for each in (self._of_reading(url), self._of_listing(url)) if each is not None]
        return max(known, key=lambda each: each.read_at, default=None)

    def put(self, known: KnownPackages) -> None:
        with self._lock:
            self._read[known.url] = known
        if self._keep:
            with suppress(MirrordeckError, OSError):
                self._directory.mkdir(parents=True, exist_ok=True)
                atomic_write(self._file(known.url), msgspec.json.encode(known))

    def _of_reading(self, url: str) -> KnownPackages | None:
        with self._lock:
            if url not in self._read:
                with suppress(OSError, ValueError, RecursionError):
                    self._read[url] = _decoder.decode(self._file(url).read_bytes())
            return self._read.get(url)

    def _of_listing(self, url: str) -> KnownPackages | None:
        """The last complete listing, if there is one; it is large, so it is read again only when it changed."""
        changed = self._contents.changed_at(url)
        if changed is None:
            return None
        with self._lock:
            kept = self._listed.get(url)
        if kept is not None and kept[0] == changed:
            return kept[1]
        listing = self._contents.get(url)
        if listing is None:
            return None
        packages = {
            row.hash: RemotePackage(row.hash, row.name, row.version, row.target, row.stored_bytes)
            for row in listing.rows
            if row.kind is EntryKind.PACKAGE and row.hash
        }
        known = KnownPackages(url, listing.read_at, listing.has_index, listing.index_written_at, packages)
        with self._lock:
            self._listed[url] = (changed, known)
        return known

    def _file(self, url: str) -> Path:
        return self._directory / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
