# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The index of a cache in a repository, and making it agree with the tags that are there.

It is the image `index.spack`: an empty config and one layer, which is the plain index document whatever its media type
says (seen in Spack 1.1's output). Images are filed under the DAG hash that their tags end in, and what an index holds
depends on nothing else; so an update reads the images of those tags only that the index does not know.

Tags cannot be replaced conditionally. Whoever follows these steps loses nothing: list, build, write, list again, and
begin anew if another writer changed anything meanwhile. Another program may still put back an older index, hence the
look at what is there after a short while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.caches.folder_objects import read_ahead
from core.caches.index import (
    INDEX_LIMIT_BYTES,
    SPEC_LIMIT_BYTES,
    IndexDraft,
    SpecDocument,
    decode_index,
    decode_spec,
    encode_index,
    without,
)
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.image import OCI, manifest_bytes
from core.caches.oci.names import INDEX_TAG, entry_of_tag, hash_in, spec_tags
from core.caches.oci.staging import staging_path
from core.caches.protocol import CacheIndex, IndexRecord, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer, CacheError, ErrorInfo, MirrordeckError, NotFound, ServerError
from core.foundation.files import write_pieces
from core.network.bodies import BytesBody, FileBody
from core.registry.manifests import parse_image_manifest
from core.registry.repository import Repository

_ROUNDS = 5
_PAUSE_S = 0.25
_NO_CONFIG = b"{}"

Records = Mapping[str, IndexRecord]


def read_index(repository: Repository, cache: BlobCache, token: CancelToken) -> CacheIndex | None:
    """The index, None if there is none; registries do not say when it was written, so that is 0.

    Raises CacheError if it cannot be understood, and the errors of the registry.
    """
    raw = cache.manifest(repository, INDEX_TAG, token)
    if raw is None:
        return None
    layers = parse_image_manifest(raw).layers
    where = f"{repository.reference.repository}:{INDEX_TAG}"
    if not layers:
        raise CacheError(f"Cannot understand the index {where}", "Its image has no layer")
    try:
        data = cache.read(repository, layers[0], INDEX_LIMIT_BYTES, token)
    except NotFound as error:
        raise CacheError(f"The index {where} is missing", error.why) from error
    return CacheIndex(decode_index(data, where), layers[0].digest, 0.0)


def read_spec(repository: Repository, cache: BlobCache, tag: str, token: CancelToken) -> SpecDocument:
    """What the image with that tag says about its package.

    Raises CacheError if it is no package or another one than the tag says, NotFound if it is gone, and the errors of
    the registry.
    """
    where = f"{repository.reference.repository}:{tag}"
    entry = entry_of_tag(tag)
    if entry is None:
        raise CacheError(f"Cannot understand {where}", "Its tag ends like that of a package, but does not name one")
    raw = cache.manifest(repository, tag, token, expected=True)
    if raw is None:
        raise NotFound(f"Cannot read {where}", "It is listed, but not there")
    config = parse_image_manifest(raw).config
    document = decode_spec(cache.read(repository, config, SPEC_LIMIT_BYTES, token), where)
    if document.root != entry.hash:
        raise CacheError(f"Cannot understand {where}", f"It holds another package, {document.root[:40]}")
    return document


class IndexWriter:
    """One update of the index; see the module. For one thread. Its document passes through a file in `staging`."""

    def __init__(
        self,
        repository: Repository,
        cache: BlobCache,
        *,
        staging: Path,
        clock: Clock,
        token: CancelToken,
        progress: Callable[[int, int], None],
    ) -> None:
        self._repository = repository
        self._cache = cache
        self._staging = staging
        self._clock = clock
        self._token = token
        self._progress = progress

    def update(self, url: str, *, full: bool) -> IndexUpdate:
        """Make the index agree with the tags; `full` reads all images, and mends an index image that lacks a part.

        Raises CacheError if there is no package.
        """
        tags = self._tags()
        if not tags:
            reason = f"Unable to generate package index: Failed to get list of entries from {url}"
            raise CacheError("Cannot update the index", reason)
        before = self._usable_index()
        then = _entries(before.records) if before is not None else set()
        records, skipped = self._build(tags, before.records if before else {}, full=full)
        if before is not None and not full and dict(before.records) == records:
            written = _Written("", before.digest)
        else:
            written = self._write(records)
        del before
        for _ in range(_ROUNDS - 1):
            listed = self._tags()
            if listed == tags and self._stays(records, written):
                break
            tags = listed
            records, skipped = self._build(tags, records, full=False)
            written = self._write(records)
        self._cache.prune()
        now = _entries(records)
        return IndexUpdate(len(now), len(now - then), len(then - now), skipped, written.digest)

    def drop(self, hashes: frozenset[str]) -> None:
        """Take packages out of the index before they are deleted, also if another writer puts them back meanwhile.
        Without a usable index nothing has to be done."""
        for _ in range(_ROUNDS):
            before = self._usable_index()
            if before is None or hashes.isdisjoint(_entries(before.records)):
                return
            self._write(without(before.records, hashes))
            self._clock.sleep(_PAUSE_S * (1 + self._clock.random()), self._token)

    def _build(self, tags: frozenset[str], old: Records, *, full: bool) -> tuple[Records, tuple[ErrorInfo, ...]]:
        draft = IndexDraft()
        skipped: list[ErrorInfo] = []
        known = {hash_in(tag): tag for tag in tags}
        kept = set() if full else known.keys() & _entries(old)
        kept.difference_update(draft.keep_all(kept, old))
        unread = sorted(tags.difference(map(known.__getitem__, kept)))
        done = len(tags) - len(unread)
        for tag, found in zip(unread, read_ahead(self._read, unread), strict=True):
            self._token.raise_if_cancelled()
            if isinstance(found, SpecDocument):
                draft.add(found)
            else:
                skipped.append(found.info())
                if isinstance(found, ServerError) and (record := old.get(hash_in(tag))) and record.in_buildcache:
                    draft.keep(hash_in(tag), old)
            done += 1
            self._progress(done, len(tags))
        records = draft.records()
        if not any(record.in_buildcache for record in records.values()):
            raise CacheError("Cannot update the index", f"No entry could be read; {skipped[0].sentence()}")
        return records, tuple(skipped)

    def _read(self, tag: str) -> SpecDocument | MirrordeckError:
        """What is wrong with one image is no reason to stop, other trouble with the registry is."""
        self._token.raise_if_cancelled()
        try:
            return read_spec(self._repository, self._cache, tag, self._token)
        except (CacheError, NotFound, BadAnswer, ServerError) as error:
            return error

    def _write(self, records: Records) -> _Written:
        upload, token = self._repository.upload, self._token
        token.raise_if_cancelled()
        file = staging_path(self._staging, "index")
        digest, size = write_pieces(file, encode_index(records))
        try:
            upload(digest, FileBody(file, size), token=token)
            upload(digest_of(_NO_CONFIG), BytesBody(_NO_CONFIG), token=token)
            manifest = index_manifest(digest, size)
            token.raise_if_cancelled()
            self._repository.put_manifest(INDEX_TAG, manifest, OCI.manifest, token)
            self._cache.keep_file(file, digest, size)
        finally:
            file.unlink(missing_ok=True)
        self._cache.keep(manifest)
        return _Written(digest_of(manifest), digest)

    def _stays(self, records: Records, written: _Written) -> bool:
        """Whether the index is still ours a moment later, or another one that lacks nothing of it."""
        self._clock.sleep(_PAUSE_S * (1 + self._clock.random()), self._token)
        if written.manifest and self._repository.manifest_digest(INDEX_TAG, self._token) == written.manifest:
            return True
        there = self._usable_index()
        return there is not None and _entries(records) <= _entries(there.records)

    def _usable_index(self) -> CacheIndex | None:
        """The index, None if there is none or it is damaged: then everything is read again, which repairs it."""
        try:
            return read_index(self._repository, self._cache, self._token)
        except (CacheError, NotFound):
            return None

    def _tags(self) -> frozenset[str]:
        return spec_tags(self._repository.tags(self._token))


@dataclass(frozen=True, slots=True)
class _Written:
    """Digests of the image and of its document; `manifest` is empty for an image that was there."""

    manifest: str
    digest: str


def index_manifest(digest: str, size: int) -> bytes:
    """The manifest of the index image with that document, byte for byte as Spack writes it."""
    layer = {"mediaType": OCI.layer, "digest": digest, "size": size}
    return manifest_bytes(OCI, _NO_CONFIG, [layer], {})


def _entries(records: Records) -> set[str]:
    return {dag_hash for dag_hash, record in records.items() if record.in_buildcache}
