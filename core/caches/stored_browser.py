# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking around in a cache that is read by key, in a folder or behind a web address, in either layout or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from core.caches.browsing import Described, EntryKind, Listed, Part
from core.caches.folder_objects import read_ahead
from core.caches.index import INDEX_LIMIT_BYTES
from core.caches.layout2 import (
    OLD_INDEX,
    OLD_KEY_INDEX,
    OLD_KEY_PREFIX,
    OLD_PREFIX,
    hash_in,
    is_old_archive,
    is_old_entry,
    old_key,
)
from core.caches.layout3 import (
    BLOB_PREFIX,
    INDEX_MANIFEST,
    INDEX_PREFIX,
    KEY_INDEX_MANIFEST,
    KEY_PREFIX,
    LAYOUT_KEY,
    digest_of_key,
    is_manifest,
    key_manifest,
    kind_of,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, decode_manifest
from core.caches.protocol import StoredPackage
from core.caches.published_keys import listed_keys, old_listed_keys
from core.caches.stored_layers import CurrentLayer, KeptBlobs, Named, OldLayer, layer_of, refuse_sources
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer, CacheError, NotFound, PermissionDenied, StorageFailed
from core.storage.reading import Files

# Beyond this many, reading every manifest over the network takes too long for what it tells.
_READ_UNASKED = 1000


class StoredBrowser:
    """The `CacheBrowser` of such a cache. What no manifest names is listed as untagged where anything can be listed."""

    image = ""

    def __init__(self, files: Callable[[CancelToken], Files], kept: KeptBlobs | None) -> None:
        self._files = files
        self._kept = kept

    def names(self, token: CancelToken) -> list[Listed]:
        files = self._files(token)
        current, old = CurrentLayer(files, self._kept), OldLayer(files, self._kept)
        found = [_listed(named) for layer in (current, old) for named in layer.names()]
        token.raise_if_cancelled()
        found += _others(files)
        if not found:
            refuse_sources(files)
            if not files.exists(LAYOUT_KEY):
                place = files.where(LAYOUT_KEY).removesuffix(f"/{LAYOUT_KEY}")
                raise NotFound("There is no build cache", f"{place}: nothing of one is there")
        return found

    def look(self, names: Sequence[Listed], token: CancelToken) -> Iterator[Listed]:
        files = self._files(token)
        listable = files.scan(BLOB_PREFIX) is not None
        if not listable and len(names) > _READ_UNASKED:
            yield from names
            return
        named: set[str] = set()
        complete = True
        by_key = {listed.key: listed for listed in names}

        def look_at(key: str) -> Listed:
            token.raise_if_cancelled()
            return self._look(files, by_key[key])

        for found in read_ahead(look_at, list(by_key)):
            named.update(found.blobs)
            old = found.key.startswith(f"{OLD_PREFIX}/")
            complete = complete and (bool(found.blobs) or old)
            yield found
        if complete and listable:  # a manifest that cannot be read may name any blob
            yield from _untagged(files, named, {hash_in(listed.key) for listed in names}, token)

    def describe(self, key: str, digest: str, token: CancelToken) -> Described:  # noqa: ARG002  nothing is kept here
        token.raise_if_cancelled()
        files = self._files(token)
        if key.startswith(f"{BLOB_PREFIX}/") or is_old_archive(key):
            facts = files.stat(key)
            if facts is None:
                raise NotFound("It is not there any more", files.where(key))
            return Described("", "", (Part(digest_of_key(key), facts.size, ""),))
        old = key.startswith(f"{OLD_PREFIX}/")
        if _kind_of(key) is EntryKind.PACKAGE:
            layer = layer_of(key, CurrentLayer(files), OldLayer(files))
            package = layer.package(key)
            parts = _old_parts(files, package) if old else _parts(files, package.manifest, key)
            return Described(digest_of(package.manifest), "", parts, spec=layer.spec(package))
        data, _ = files.fetch(key, INDEX_LIMIT_BYTES if old else MANIFEST_LIMIT_BYTES)
        parts = (Part(digest_of(data), len(data), ""),) if old else _parts(files, data, key)
        return Described(digest_of(data), "", parts)

    def _look(self, files: Files, listed: Listed) -> Listed:
        try:
            if listed.kind is EntryKind.PACKAGE:
                layer = layer_of(listed.key, CurrentLayer(files), OldLayer(files))
                return _package_facts(files, listed, layer.package(listed.key))
            return _other_facts(files, listed)
        except (CacheError, NotFound, BadAnswer, StorageFailed, PermissionDenied) as error:
            return replace(listed, problem=error.info().sentence())


def _listed(named: Named) -> Listed:
    entry = named.entry if named.entry is not None and named.entry.name else None
    return Listed(named.key, EntryKind.PACKAGE, entry, named.target, modified=named.modified)


def _others(files: Files) -> list[Listed]:
    """Indexes and keys."""
    found: list[Listed] = []
    for prefix in (INDEX_PREFIX, KEY_PREFIX, OLD_KEY_PREFIX):
        for key, seen in files.scan(prefix) or ():
            if is_manifest(key) or prefix == OLD_KEY_PREFIX:
                found.append(Listed(key, _kind_of(key), modified=seen.mtime))
    known = [OLD_INDEX] if files.scan(BLOB_PREFIX) is not None else [INDEX_MANIFEST, OLD_INDEX, *_key_names(files)]
    for key in known:
        facts = files.stat(key)
        if facts is not None:
            found.append(Listed(key, _kind_of(key), modified=facts.mtime or None))
    return found


def _key_names(files: Files) -> Iterator[str]:
    """Where the keys lie that the lists of keys name, the lists among them, whether they are there or not."""
    yield KEY_INDEX_MANIFEST
    yield OLD_KEY_INDEX
    with suppress(CacheError, NotFound):
        yield from map(key_manifest, listed_keys(files))
    with suppress(CacheError, NotFound):
        yield from map(old_key, old_listed_keys(files))


def _package_facts(files: Files, listed: Listed, package: StoredPackage) -> Listed:
    size = package.archive.size
    if size is None:
        facts = files.stat(package.archive.key)
        size = facts.size if facts is not None else None
    return replace(
        listed,
        entry=listed.entry or package.entry,
        manifest_digest=digest_of(package.manifest),
        blob_digest=package.archive.digest,
        stored_bytes=size,
        modified=package.modified or None,
        signed=package.signed,
        blobs=tuple(dict.fromkeys((package.archive.digest, package.spec.digest))),
        problem="" if size is not None else f"Its archive is missing: {files.where(package.archive.key)}",
    )


def _other_facts(files: Files, listed: Listed) -> Listed:
    if listed.key.startswith(f"{OLD_PREFIX}/"):
        facts = files.stat(listed.key)
        return replace(listed, stored_bytes=facts.size if facts is not None else None)
    data, facts = files.fetch(listed.key, MANIFEST_LIMIT_BYTES)
    manifest = decode_manifest(data, files.where(listed.key))
    if not manifest.records:
        raise CacheError(f"Cannot understand {manifest.where}", "It names no blob")
    main = manifest.records[0]
    return replace(
        listed,
        manifest_digest=digest_of(data),
        blob_digest=main.digest,
        stored_bytes=main.content_length,
        modified=facts.mtime or None,
        blobs=tuple(record.digest for record in manifest.records),
        problem="",
    )


def _untagged(files: Files, named: set[str], hashes: set[str], token: CancelToken) -> Iterator[Listed]:
    for prefix in (BLOB_PREFIX, OLD_PREFIX):
        for key, facts in files.scan(prefix) or ():
            token.raise_if_cancelled()
            left_over = digest_of_key(key) not in named if prefix == BLOB_PREFIX else _is_left_over(key, hashes)
            if left_over:
                size, time = facts.size, facts.mtime
                yield Listed(key, EntryKind.UNTAGGED, blob_digest=digest_of_key(key), stored_bytes=size, modified=time)


def _is_left_over(key: str, hashes: set[str]) -> bool:
    """Whether this is an archive of the old layout without its spec file."""
    return is_old_archive(key) and hash_in(key) not in hashes


def _kind_of(key: str) -> EntryKind:
    if not key.startswith(f"{OLD_PREFIX}/"):
        return kind_of(key)
    if is_old_entry(key):
        return EntryKind.PACKAGE
    return EntryKind.KEY if key.startswith(f"{OLD_KEY_PREFIX}/") else EntryKind.INDEX


def _parts(files: Files, data: bytes, key: str) -> tuple[Part, ...]:
    records = decode_manifest(data, files.where(key)).records
    return tuple(Part(record.digest, record.content_length, record.media_type) for record in records)


def _old_parts(files: Files, package: StoredPackage) -> tuple[Part, ...]:
    facts = files.stat(package.archive.key)
    archive = Part(package.archive.digest, facts.size if facts is not None else 0, "")
    return archive, Part(package.spec.digest, len(package.manifest), "")
