# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying images of packages from one repository to another: every byte stays, so do digests and what is attached."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from core.caches.folder_objects import read_ahead
from core.caches.oci.attachments import Attachments
from core.caches.oci.base_image import copy_base_layer
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.names import spec_tag
from core.caches.oci.survey import Survey, cache_entry, image_parts
from core.caches.protocol import CacheEntry, Completed, EntryName
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.registry.manifests import Descriptor, RawManifest, parse_image_manifest
from core.registry.repository import Repository


class ImageCopy:
    """The `PackageCopy` between repositories. Blobs are mounted where both are on one registry, else downloaded to
    `staging` one by one and uploaded."""

    byte_phases = 1

    def __init__(
        self,
        source: Repository,
        target: Repository,
        entries: Mapping[str, EntryName],
        *,
        blobs: BlobCache,
        staging: Path,
    ) -> None:
        self._source = source
        self._target = target
        self._entries = entries
        self._blobs = blobs
        self._staging = staging
        self._lock = threading.Lock()
        self._there: set[str] = set()
        self._ready: dict[str, RawManifest] = {}
        self._attachments = Attachments(source, target, self._bring)
        self._tags: frozenset[str] = frozenset()

    def present(self, token: CancelToken) -> dict[str, CacheEntry]:
        """Those that are in the target with all their layers, unless an image there lacks what the source may have, or
        something that is attached to it there."""
        self.prepare(token)
        found = Survey(self._target, self._blobs).find(list(self._entries.values()), token)

        def complete(dag_hash: str) -> bool:
            image = found[dag_hash]
            digest = self._source.manifest_digest(spec_tag(self._entries[dag_hash]), token)
            if image.lost or image.entry.manifest_digest != digest:
                return not (image.lost or image.marks.missing)
            return not self._attachments.lacking(digest, self._tags, token)

        whole = dict(zip(found, read_ahead(complete, list(found)), strict=True))
        return {dag_hash: image.entry for dag_hash, image in found.items() if whole[dag_hash]}

    def prepare(self, token: CancelToken) -> None:
        self._tags = frozenset(self._source.tags(token))

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        """Blobs that got through are found one by one; that is enough."""
        token.raise_if_cancelled()
        return entry.hash in self._ready

    def copy(
        self,
        entry: EntryName,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
        upload: Callable[[int], None],  # noqa: ARG002
    ) -> str:
        raw = self._manifest(entry, token)
        manifest = parse_image_manifest(raw)
        outcomes = set()
        for part in (*manifest.layers, manifest.config):
            token.raise_if_cancelled()
            outcomes.add(self._bring(part, token))
            progress(part.size)
        self._ready[entry.hash] = raw
        return "uploaded" if "uploaded" in outcomes else "mounted" if "mounted" in outcomes else "present"

    def needs(self, _dag_hash: str) -> Collection[str]:
        """Nothing: an image is complete with its own layers."""
        return ()

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        entry, raw = self._entries[dag_hash], self._ready[dag_hash]
        self._target.put_manifest(spec_tag(entry), raw.data, raw.media_type, token)
        self._attachments.copy(raw.digest, self._tags, token)
        parts = image_parts(self._source, self._blobs, raw, spec_tag(entry), token)
        return Completed(cache_entry(entry, parts))

    def _manifest(self, entry: EntryName, token: CancelToken) -> RawManifest:
        tag = spec_tag(entry)
        raw = self._blobs.manifest(self._source, tag, token)
        if raw is None:
            raise NotFound(f"{entry.name}@{entry.version} is not in {self._source.reference.repository}")
        return raw

    def _bring(self, part: Descriptor, token: CancelToken) -> str:
        with self._lock:
            if part.digest in self._there:
                return "present"
        outcome = copy_base_layer(part, self._source, self._target, staging=self._staging, token=token)
        with self._lock:
            self._there.add(part.digest)
        return outcome
