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
from dataclasses import dataclass, replace

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
from core.caches.oci.names import INDEX_TAG, entry_of_tag, is_spec_tag
from core.caches.protocol import CacheIndex, IndexRecord, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer, CacheError, ErrorInfo, MirrordeckError, NotFound, ServerError
from core.network.bodies import BytesBody
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
    """One update of the index; see the module. For one thread."""

    def __init__(
        self,
        repository: Repository,
        cache: BlobCache,
        *,
        clock: Clock,
        token: CancelToken,
        progress: Callable[[int, int], None],
    ) -> None:
        self._repository = repository
        self._cache = cache
        self._clock = clock
        self._token = token
        self._progress = progress

    def update(self, url: str, *, full: bool) -> IndexUpdate:
        """Make the index agree with the tags; `full` reads all images. Raises CacheError if there is no package."""
        tags = self._tags()
        if not tags:
            reason = f"Unable to generate package index: Failed to get list of entries from {url}"
            raise CacheError("Cannot update the index", reason)
        before = self._usable_index()
        built = self._build(tags, before.records if before else {}, full=full)
        if before is not None and dict(before.records) == built.records:
            built = replace(built, digest=before.digest)
        else:
            self._write(built)
        for _ in range(_ROUNDS - 1):
            listed = self._tags()
            if listed == tags and self._stays(built):
                break
            tags = listed
            built = self._build(tags, built.records, full=False)
            self._write(built)
        self._cache.prune()
        then = _entries(before.records) if before else set()
        now = _entries(built.records)
        return IndexUpdate(len(now), len(now - then), len(then - now), built.skipped, built.digest)

    def drop(self, hashes: frozenset[str]) -> None:
        """Take packages out of the index before they are deleted, also if another writer puts them back meanwhile.
        Without a usable index nothing has to be done."""
        for _ in range(_ROUNDS):
            before = self._usable_index()
            if before is None or hashes.isdisjoint(_entries(before.records)):
                return
            records = without(before.records, hashes)
            data = encode_index(records)
            self._write(_Built(records, data, digest_of(data), ()))
            self._clock.sleep(_PAUSE_S * (1 + self._clock.random()), self._token)

    def _build(self, tags: frozenset[str], old: Records, *, full: bool) -> _Built:
        draft = IndexDraft()
        skipped: list[ErrorInfo] = []
        unread = [tag for tag in sorted(tags) if full or not _keep(draft, tag, old)]
        done = len(tags) - len(unread)
        for tag, found in zip(unread, read_ahead(self._read, unread), strict=True):
            self._token.raise_if_cancelled()
            if isinstance(found, SpecDocument):
                draft.add(found)
            else:
                skipped.append(found.info())
                if isinstance(found, ServerError):
                    _keep(draft, tag, old)
            done += 1
            self._progress(done, len(tags))
        records = draft.records()
        if not any(record.in_buildcache for record in records.values()):
            raise CacheError("Cannot update the index", f"No entry could be read; {skipped[0].sentence()}")
        data = encode_index(records)
        return _Built(records, data, digest_of(data), tuple(skipped))

    def _read(self, tag: str) -> SpecDocument | MirrordeckError:
        """What is wrong with one image is no reason to stop, other trouble with the registry is."""
        self._token.raise_if_cancelled()
        try:
            return read_spec(self._repository, self._cache, tag, self._token)
        except (CacheError, NotFound, BadAnswer, ServerError) as error:
            return error

    def _write(self, built: _Built) -> None:
        upload, token = self._repository.upload, self._token
        token.raise_if_cancelled()
        upload(built.digest, BytesBody(built.data), token=token)
        upload(digest_of(_NO_CONFIG), BytesBody(_NO_CONFIG), token=token)
        manifest = index_manifest(built.data)
        token.raise_if_cancelled()
        self._repository.put_manifest(INDEX_TAG, manifest, OCI.manifest, token)
        self._cache.keep(built.data)
        self._cache.keep(manifest)

    def _stays(self, built: _Built) -> bool:
        """Whether the index is still ours a moment later, or another one that lacks nothing of it."""
        self._clock.sleep(_PAUSE_S * (1 + self._clock.random()), self._token)
        there = self._usable_index()
        if there is None:
            return False
        return there.digest == built.digest or _entries(built.records) <= _entries(there.records)

    def _usable_index(self) -> CacheIndex | None:
        """The index, None if there is none or it is damaged: then everything is read again, which repairs it."""
        try:
            return read_index(self._repository, self._cache, self._token)
        except (CacheError, NotFound):
            return None

    def _tags(self) -> frozenset[str]:
        return frozenset(tag for tag in self._repository.tags(self._token) if is_spec_tag(tag))


@dataclass(frozen=True, slots=True)
class _Built:
    records: Records
    data: bytes
    digest: str
    skipped: tuple[ErrorInfo, ...]


def index_manifest(data: bytes) -> bytes:
    """The manifest of the index image whose document is `data`, byte for byte as Spack writes it."""
    layer = {"mediaType": OCI.layer, "digest": digest_of(data), "size": len(data)}
    return manifest_bytes(OCI, _NO_CONFIG, [layer], {})


def _keep(draft: IndexDraft, tag: str, old: Records) -> bool:
    """Take over what an older index says about the package of a tag; False if it does not hold it."""
    entry = entry_of_tag(tag)
    if entry is None or entry.hash not in old or not old[entry.hash].in_buildcache:
        return False
    return draft.keep(entry.hash, old)


def _entries(records: Records) -> set[str]:
    return {dag_hash for dag_hash, record in records.items() if record.in_buildcache}
