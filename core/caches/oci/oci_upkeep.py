# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Cleaning up a cache in a repository of an OCI registry.

Entries leave the index, then their manifests are deleted, by digest and so with all their tags where the registry does
that, else tag by tag. Blobs are left to the registry, which frees them in a clean-up of its own. Nothing tells when
something was pushed, so only what is seen to arrive can be protected: tags are listed again before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.caches.browsing import EntryKind
from core.caches.folder_objects import read_ahead
from core.caches.index import decode_spec
from core.caches.inventory import EdgeCollector, Inventory, StoredBlob, Thing, kin_of
from core.caches.oci.base_image import CONFIG_LIMIT_BYTES
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.names import INDEX_TAG, entry_of_tag, is_spec_tag
from core.caches.oci.oci_index import IndexWriter, read_spec
from core.caches.oci.survey import cache_entry, image_parts
from core.caches.removal import PlannedEntry, RemovalPlan, check_plan
from core.caches.upkeep import Progress, RemovalOutcome, UpkeepCapabilities, cannot_delete
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import CacheError, ErrorInfo, NotFound
from core.registry.hosts import deletion_remedies
from core.registry.manifests import ImageIndex, RawManifest, parse_manifest
from core.registry.repository import Repository

_CLEAN_UP = "the registry frees the space in its own clean-up, which its administrator starts"


class OciUpkeep:
    """The `CacheUpkeep` of a repository."""

    def __init__(
        self, repository: Repository, blobs: BlobCache, *, url: str, staging: Path, clock: Clock, probe: bool = True
    ) -> None:
        self._repository = repository
        self._blobs = blobs
        self._url = url
        self._staging = staging
        self._clock = clock
        self._probe = probe

    def capabilities(self, token: CancelToken) -> UpkeepCapabilities:
        if not self._probe:
            return UpkeepCapabilities(delete=None, by_digest=True, why_not="whether the registry deletes was not tried")
        found = self._repository.capabilities(token)
        if found.delete_manifests or found.delete_tags:
            return UpkeepCapabilities(delete=True, by_digest=bool(found.delete_manifests), why_not=_CLEAN_UP)
        if found.delete_manifests is None or found.delete_tags is None:
            why = "the registry does not let this login delete, or does not say whether it could"
            return UpkeepCapabilities(delete=None, by_digest=found.delete_manifests is None, why_not=why)
        host = self._repository.reference.domain
        why, remedies = f"{host} does not delete by request", deletion_remedies(self._repository.reference)
        return UpkeepCapabilities(delete=False, why_not=why, remedies=remedies)

    def inventory(self, token: CancelToken, progress: Progress) -> Inventory:
        tags = self._repository.tags(token)
        edges = EdgeCollector()
        blobs: dict[str, StoredBlob] = {}
        things = []
        for done, (thing, sizes, document) in enumerate(read_ahead(partial(self._look, token=token), tags), start=1):
            blobs.update(sizes)
            things.append(self._judged(thing, document, edges))
            progress(done, len(tags))
        written_at = 0.0 if INDEX_TAG in tags else None
        by_digest = self.capabilities(token).by_digest
        return Inventory(tuple(things), blobs, edges.edges, self._clock.now(), written_at, by_digest)

    def remove(
        self,
        plan: RemovalPlan,
        *,
        permanently: bool,  # noqa: ARG002  nothing can be had back from a registry
        token: CancelToken,
        progress: Progress,
    ) -> RemovalOutcome:
        capabilities = self.capabilities(token)
        if capabilities.delete is False:
            raise cannot_delete(capabilities)
        before = self.inventory(token, lambda _done, _total: None)
        check_plan(plan, before)
        known = {thing.key for thing in before.things}
        there = [entry for entry in plan.entries if entry.key in known]
        if not there:
            return RemovalOutcome(0, 0, 0, 0)
        hashes = frozenset(entry.hash for entry in there if entry.kind is EntryKind.PACKAGE)
        writer = self._writer(token)
        writer.drop(hashes)
        needed = self._needed_by_new(known, token)
        kept = [entry for entry in there if entry.hash in needed]
        removed = self._delete([entry for entry in there if entry not in kept], capabilities, token, progress)
        needed = self._needed_by_new(known, token)
        returned = [entry for entry in removed if entry.hash in needed]
        for entry in returned:  # their blobs are still there
            raw = removed[entry]
            if raw is not None:
                self._repository.put_manifest(entry.key, raw.data, raw.media_type, token)
        kept += returned
        if any(map(is_spec_tag, self._repository.tags(token))) and INDEX_TAG in known:
            writer.update(self._url, full=False)
        why = "A package that depends on it was pushed in the last moment"
        return RemovalOutcome(
            entries=len(removed) - len(returned),
            blobs=0,
            removed_bytes=sum(entry.frees_bytes for entry in removed if entry not in returned),
            freed_bytes=0,
            kept=tuple(ErrorInfo("kept", f"{entry.label} stays", why) for entry in kept),
        )

    # ---------------------------------------------------------------- looking

    def _look(self, tag: str, *, token: CancelToken) -> tuple[Thing, dict[str, StoredBlob], bytes]:
        """A tag with the blobs it names, and the config of a package."""
        token.raise_if_cancelled()
        kind = EntryKind.INDEX if tag == INDEX_TAG else EntryKind.PACKAGE if is_spec_tag(tag) else EntryKind.IMAGE
        entry = entry_of_tag(tag) if kind is EntryKind.PACKAGE else None
        thing = Thing(tag, kind, entry, "", 0, (), 0.0)
        try:
            raw = self._blobs.manifest(self._repository, tag, token, expected=True)
            if raw is None:
                raise NotFound(f"{tag} is listed, but not there")
            thing = replace(thing, digest=raw.digest)
            return self._parts_of(thing, raw, token)
        except (CacheError, NotFound) as error:
            return replace(thing, broken=error.info().sentence(), readable=False), {}, b""

    def _parts_of(
        self, thing: Thing, raw: RawManifest, token: CancelToken
    ) -> tuple[Thing, dict[str, StoredBlob], bytes]:
        manifest = parse_manifest(raw)
        if isinstance(manifest, ImageIndex):
            return replace(thing, blobs=tuple(part.digest for part in manifest.manifests)), {}, b""
        parts = (manifest.config, *manifest.layers)
        sizes = {part.digest: StoredBlob(part.size) for part in parts}
        thing = replace(thing, blobs=tuple(sizes))
        if thing.kind is not EntryKind.PACKAGE:
            return thing, sizes, b""
        if thing.entry is None:
            return replace(thing, broken="Its tag is not that of a package"), sizes, b""
        try:
            image = image_parts(self._repository, self._blobs, raw, thing.key, token)
            config = self._blobs.read(self._repository, manifest.config, CONFIG_LIMIT_BYTES, token)
        except (CacheError, NotFound) as error:
            return replace(thing, broken=error.info().sentence()), sizes, b""
        return replace(thing, modified=cache_entry(thing.entry, image).modified), sizes, config

    def _judged(self, thing: Thing, config: bytes, edges: EdgeCollector) -> Thing:
        if not config or thing.entry is None:
            return thing
        try:
            document = decode_spec(config, thing.key)
        except CacheError as error:
            return replace(thing, broken=error.info().sentence())
        node = edges.add_document(document)
        if node is None or document.root != thing.entry.hash:
            return replace(thing, broken="It holds another package than its tag says")
        return replace(thing, entry=replace(thing.entry, name=node.name, version=node.version), kin=kin_of(node))

    def _needed_by_new(self, known: set[str], token: CancelToken) -> frozenset[str]:
        """Hashes of what packages depend on that came since the tags `known`."""
        news = [tag for tag in self._repository.tags(token) if is_spec_tag(tag) and tag not in known]
        needed: set[str] = set()
        for tag in news:
            with suppress(CacheError, NotFound):
                needed |= read_spec(self._repository, self._blobs, tag, token).nodes.keys()
        return frozenset(needed)

    # ---------------------------------------------------------------- changing

    def _delete(
        self, entries: Sequence[PlannedEntry], capabilities: UpkeepCapabilities, token: CancelToken, progress: Progress
    ) -> dict[PlannedEntry, RawManifest | None]:
        """`entries` with their manifests as they were."""
        raws: dict[PlannedEntry, RawManifest | None] = {}
        gone: set[str] = set()
        for done, entry in enumerate(entries, start=1):
            token.raise_if_cancelled()
            target = entry.digest if capabilities.by_digest and entry.digest else entry.key
            raws[entry] = self._blobs.manifest(self._repository, entry.digest, token) if entry.digest else None
            if target not in gone:
                if ":" in target:
                    self._repository.delete_manifest(target, token)
                else:
                    self._repository.delete_tag(target, token)
                gone.add(target)
            progress(done, len(entries))
        return raws

    def _writer(self, token: CancelToken) -> IndexWriter:
        return IndexWriter(
            self._repository,
            self._blobs,
            staging=self._staging,
            clock=self._clock,
            token=token,
            progress=lambda _done, _total: None,
        )
