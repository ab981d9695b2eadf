# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What images of packages there are in a repository, and what they hold. Only a 404 means that something is absent."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.caches.folder_objects import read_ahead
from core.caches.oci.base_image import CONFIG_LIMIT_BYTES
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.image import Marks, diff_ids_of, mapping_in, marks_in
from core.caches.oci.layers import Layer
from core.caches.oci.names import spec_tag
from core.caches.protocol import CacheEntry, EntryName
from core.foundation.cancel import CancelToken
from core.foundation.digests import parse_digest
from core.foundation.errors import BadAnswer, CacheError, NotFound
from core.registry.manifests import ImageManifest, RawManifest, parse_image_manifest
from core.registry.repository import Repository
from core.registry.strict_json import decode_object


@dataclass(frozen=True, slots=True)
class FoundImage:
    """The image of a package whose config and own layer are there. `layers` are the digests of all its layers.

    `lost` are those of them that the registry does not have, or not with the right size.
    """

    entry: CacheEntry
    own: Layer
    layers: tuple[str, ...]
    marks: Marks
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageParts:
    """Manifest and config of an image, checked to belong together. `facts` is the decoded config."""

    raw: RawManifest
    manifest: ImageManifest
    facts: Mapping[str, Any]

    @property
    def diff_ids(self) -> list[str]:
        return diff_ids_of(self.facts)


class Survey:
    """Looks at images; asks for each blob once, however many images share it. Thread-safe."""

    def __init__(self, repository: Repository, cache: BlobCache) -> None:
        self._repository = repository
        self._cache = cache
        self._lock = threading.Lock()
        self._sizes: dict[str, Future[int | None]] = {}

    def find(self, entries: Sequence[EntryName], token: CancelToken) -> dict[str, FoundImage]:
        """Those of `entries` that are there, by hash. Raises CacheError for impossible names, and the registry's
        errors: being unable to look is not the same as finding nothing."""
        wanted = {spec_tag(entry): entry for entry in entries}

        def look(tag: str) -> FoundImage | None:
            token.raise_if_cancelled()
            return self._look(wanted[tag], tag, token)

        return {found.entry.entry.hash: found for found in read_ahead(look, list(wanted)) if found}

    def _look(self, entry: EntryName, tag: str, token: CancelToken) -> FoundImage | None:
        try:
            parts = read_image(self._repository, self._cache, tag, token)
        except (CacheError, NotFound, BadAnswer):
            return None  # whatever cannot be used may be pushed again
        if parts is None:
            return None
        manifest = parts.manifest
        if root_of(parts.facts) != entry.hash:
            return None
        own = manifest.layers[-1]
        if not self._has(manifest.config.digest, manifest.config.size, token):
            return None
        lost = tuple(part.digest for part in manifest.layers if not self._has(part.digest, part.size, token))
        if own.digest in lost:
            return None
        return FoundImage(
            entry=cache_entry(entry, parts),
            own=Layer(sys.intern(own.digest), own.size, parts.diff_ids[-1]),
            layers=tuple(sys.intern(part.digest) for part in manifest.layers),
            marks=marks_in(parts.facts, manifest.annotations),
            lost=lost,
        )

    def _has(self, digest: str, size: int, token: CancelToken) -> bool:
        mine: Future[int | None] = Future()
        with self._lock:
            answer = self._sizes.setdefault(digest, mine)
        if answer is mine:
            try:
                mine.set_result(self._repository.blob_size(digest, token))
            except BaseException as error:
                mine.set_exception(error)
        return answer.result() == size


def read_image(
    repository: Repository, cache: BlobCache, reference: str, token: CancelToken, *, expected: bool = False
) -> ImageParts | None:
    """Manifest and config of an image of a package, None if there is no such tag. `expected` if it was just listed.

    Raises CacheError if it is not one Spack could read: no image, no layer, more or fewer diff ids than layers;
    NotFound if the config is gone; and the errors of the registry.
    """
    raw = cache.manifest(repository, reference, token, expected=expected)
    return image_parts(repository, cache, raw, reference, token) if raw is not None else None


def image_parts(
    repository: Repository, cache: BlobCache, raw: RawManifest, reference: str, token: CancelToken
) -> ImageParts:
    """As `read_image`, for a manifest that was read before."""
    manifest = parse_image_manifest(raw)
    config = cache.read(repository, manifest.config, CONFIG_LIMIT_BYTES, token)
    facts = decode_object(config, f"the config of {reference}")
    parts = ImageParts(raw, manifest, facts)
    try:
        if not manifest.layers or len(parts.diff_ids) != len(manifest.layers):
            raise ValueError(f"It has {len(manifest.layers)} layers, but its config names {len(parts.diff_ids)}")
        for diff_id in parts.diff_ids:
            parse_digest(diff_id)
    except ValueError as error:
        raise CacheError(f"Cannot understand the image {reference}", str(error)) from error
    return parts


def cache_entry(entry: EntryName, parts: ImageParts) -> CacheEntry:
    own = parts.manifest.layers[-1]
    return CacheEntry(
        entry=entry,
        manifest_digest=parts.raw.digest,
        blob_digest=own.digest,
        spec_digest=parts.manifest.config.digest,
        stored_bytes=own.size,
        tar_bytes=None,
        signed=None,
        modified=_time_of(parts.facts),
    )


def root_of(facts: Mapping[str, Any]) -> str | None:
    """The package that Spack takes the image for: without that, an index could never hold it."""
    nodes = mapping_in(facts, "spec").get("nodes")
    root = nodes[0] if isinstance(nodes, list) and nodes else None
    return root.get("hash") if isinstance(root, dict) else None


def _time_of(facts: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(facts.get("archive_timestamp"))).timestamp()
    except (ValueError, OverflowError):
        return 0.0
