# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking around in a cache of layout 3 in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.caches.browsing import Described, EntryKind, Listed, Part
from core.caches.folder_objects import read_ahead, read_blob
from core.caches.index import SPEC_LIMIT_BYTES, decode_spec
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    BLOB_PREFIX,
    KEY_PREFIX,
    MANIFEST_PREFIX,
    SPEC_PREFIX,
    SPEC_TYPE,
    entry_of,
    is_manifest,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, BlobRecord, decode_manifest
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, MirrordeckError, NotFound
from core.signing.clearsign import is_clearsigned
from core.storage.folder import Folder

_OLD_LAYOUT = "build_cache"


class FolderBrowser:
    """The `CacheBrowser` of a folder. Blobs that no manifest names are listed as untagged."""

    image = ""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def names(self, token: CancelToken) -> list[Listed]:
        if not self._folder.root.is_dir():
            raise NotFound("There is no build cache", f"{self._folder.root}: no such directory")
        found = []
        for key, facts in self._folder.scan(MANIFEST_PREFIX):
            token.raise_if_cancelled()
            if is_manifest(key):
                kind = _kind_of(key)
                entry = entry_of(key) if kind is EntryKind.PACKAGE else None
                found.append(Listed(key, kind, entry, modified=facts.mtime))
        if not found and (self._folder.root / _OLD_LAYOUT).is_dir():
            why = f"{self._folder.root} was written by a Spack before 1.0; only layout 3 is read here"
            raise CacheError("This build cache has the old layout", why)
        return found

    def look(self, names: Sequence[Listed], token: CancelToken) -> Iterator[Listed]:
        named: set[str] = set()
        complete = True
        by_key = {listed.key: listed for listed in names}

        def look_at(key: str) -> Listed:
            token.raise_if_cancelled()
            return self._look(by_key[key])

        for found in read_ahead(look_at, list(by_key)):
            named.update(found.blobs)
            complete = complete and bool(found.blobs)
            yield found
        if complete:  # a manifest that cannot be read may name any blob
            yield from self._untagged(named, token)

    def describe(self, key: str, digest: str, token: CancelToken) -> Described:  # noqa: ARG002  nothing is kept here
        token.raise_if_cancelled()
        if key.startswith(f"{BLOB_PREFIX}/"):
            facts = self._folder.stat(key)
            if facts is None:
                raise NotFound("It is not there any more", str(self._folder.path(key)))
            return Described("", "", (Part(f"sha256:{key.rpartition('/')[2]}", facts.size, ""),))
        data = self._folder.read(key, MANIFEST_LIMIT_BYTES)
        manifest = decode_manifest(data, str(self._folder.path(key)))
        spec = None
        if _kind_of(key) is EntryKind.PACKAGE:
            record = manifest.blob(SPEC_TYPE)
            spec = decode_spec(read_blob(self._folder, record, SPEC_LIMIT_BYTES), manifest.where)
        return Described(digest_of(data), "", tuple(map(_part, manifest.records)), spec=spec)

    def _look(self, listed: Listed) -> Listed:
        where = str(self._folder.path(listed.key))
        try:
            data, facts = self._folder.fetch(listed.key, MANIFEST_LIMIT_BYTES)
            manifest = decode_manifest(data, where)
            is_package = listed.kind is EntryKind.PACKAGE
            main = manifest.blob(ARCHIVE_TYPE) if is_package else manifest.records[0]
            if is_package and listed.entry is None:
                raise CacheError(f"Cannot understand {where}", "Its name is not that of a package")
        except MirrordeckError as error:
            return replace(listed, problem=error.info().sentence())
        except IndexError:
            return replace(listed, problem=f"Cannot understand {where}: It names no blob")
        return replace(
            listed,
            manifest_digest=digest_of(data),
            blob_digest=main.digest,
            stored_bytes=main.content_length,
            modified=facts.mtime,
            signed=is_clearsigned(data) if is_package else None,
            blobs=tuple(record.digest for record in manifest.records),
            problem="",
        )

    def _untagged(self, named: set[str], token: CancelToken) -> Iterator[Listed]:
        for key, facts in self._folder.scan(BLOB_PREFIX):
            token.raise_if_cancelled()
            digest = f"sha256:{key.rpartition('/')[2]}"
            if digest not in named:
                size, time = facts.size, facts.mtime
                yield Listed(key, EntryKind.UNTAGGED, blob_digest=digest, stored_bytes=size, modified=time)


def _kind_of(key: str) -> EntryKind:
    if key.startswith(f"{SPEC_PREFIX}/"):
        return EntryKind.PACKAGE
    return EntryKind.KEY if key.startswith(f"{KEY_PREFIX}/") else EntryKind.INDEX


def _part(record: BlobRecord) -> Part:
    return Part(record.digest, record.content_length, record.media_type)
