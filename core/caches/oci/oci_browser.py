# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking around in a repository of an OCI registry. Registries do not list what has no tag, so that is never seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.caches.browsing import Described, EntryKind, Listed, Part
from core.caches.folder_objects import read_ahead
from core.caches.index import decode_spec
from core.caches.oci.base_image import CONFIG_LIMIT_BYTES
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.image import mapping_in, marks_in
from core.caches.oci.names import INDEX_TAG, entry_of_tag, is_spec_tag
from core.caches.oci.survey import cache_entry, image_parts
from core.caches.protocol import EntryName
from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer, CacheError, NotFound, ServerError
from core.foundation.text import plural
from core.registry.manifests import Descriptor, ImageIndex, ImageManifest, RawManifest, parse_manifest
from core.registry.references import DOCKER_HUB
from core.registry.repository import Repository
from core.registry.strict_json import decode_object

_HUB_FOR_TOOLS = "docker.io"


class OciBrowser:
    """The `CacheBrowser` of a repository. Nothing in it is ever signed in a way Spack would see."""

    def __init__(self, repository: Repository, blobs: BlobCache) -> None:
        self._repository = repository
        self._blobs = blobs

    @property
    def image(self) -> str:
        reference = self._repository.reference
        domain = _HUB_FOR_TOOLS if reference.domain == DOCKER_HUB else reference.domain
        return f"{domain}/{reference.name}"

    def names(self, token: CancelToken) -> list[Listed]:
        token.raise_if_cancelled()
        return [_named(tag) for tag in self._repository.tags(token)]

    def look(self, names: Sequence[Listed], token: CancelToken) -> Iterator[Listed]:
        by_tag = {listed.key: listed for listed in names}

        def look_at(tag: str) -> Listed:
            token.raise_if_cancelled()
            try:
                return self._look(by_tag[tag], token)
            except (CacheError, NotFound, BadAnswer, ServerError) as error:
                return replace(by_tag[tag], problem=error.info().sentence())

        yield from read_ahead(look_at, list(by_tag))
        self._blobs.prune()

    def describe(self, key: str, digest: str, token: CancelToken) -> Described:
        raw = self._blobs.manifest(self._repository, digest or key, token)
        if raw is None and digest:
            raw = self._blobs.manifest(self._repository, key, token)
        if raw is None:
            raise NotFound(f"Cannot read {self.image}:{key}", "It is not there any more")
        manifest = parse_manifest(raw)
        if isinstance(manifest, ImageIndex):
            parts = tuple(map(_platform_part, manifest.manifests))
            return Described(raw.digest, raw.media_type, parts, manifest.annotations or {})
        parts = tuple(Part(part.digest, part.size, part.media_type) for part in (manifest.config, *manifest.layers))
        facts, config = self._config(manifest, token)
        marks = marks_in(facts, manifest.annotations)
        spec = decode_spec(config, f"{self.image}:{key}") if "spec" in facts else None
        annotations = manifest.annotations or {}
        return Described(raw.digest, raw.media_type, parts, annotations, marks.missing, marks.left_out, spec)

    def _look(self, listed: Listed, token: CancelToken) -> Listed:
        if listed.kind is EntryKind.PACKAGE and listed.entry is None:
            raise CacheError(f"Cannot understand {self.image}:{listed.key}", "Its tag is not that of a package")
        raw = self._blobs.manifest(self._repository, listed.key, token, expected=True)
        if raw is None:
            raise NotFound(f"Cannot read {self.image}:{listed.key}", "It is listed, but not there")
        manifest = parse_manifest(raw)
        unchanged = raw.digest == listed.manifest_digest
        listed = replace(listed, manifest_digest=raw.digest)
        if isinstance(manifest, ImageIndex):
            return listed
        listed = replace(listed, blobs=tuple(layer.digest for layer in manifest.layers))
        if unchanged and listed.stored_bytes is not None:
            return listed
        return self._with_facts(replace(listed, problem=""), raw, manifest, token)

    def _with_facts(self, listed: Listed, raw: RawManifest, manifest: ImageManifest, token: CancelToken) -> Listed:
        if listed.entry is not None:
            parts = image_parts(self._repository, self._blobs, raw, listed.key, token)
            found = cache_entry(listed.entry, parts)
            missing = marks_in(parts.facts, manifest.annotations).missing
            root = _root_of(parts.facts)
            if root.get("hash") != listed.entry.hash:
                held = str(root.get("hash"))[:40]
                raise CacheError(f"Cannot understand {self.image}:{listed.key}", f"It holds another package, {held}")
            return replace(
                listed,
                entry=_name_of(root, listed.entry),
                target=_target_of(root),
                blob_digest=found.blob_digest,
                stored_bytes=found.stored_bytes,
                modified=found.modified or None,
                problem=f"Incomplete image: {plural(len(missing), 'layer')} missing" if missing else "",
            )
        size = sum(layer.size for layer in manifest.layers)
        if listed.kind is EntryKind.INDEX:
            return replace(listed, stored_bytes=size)
        facts, _ = self._config(manifest, token)
        return replace(listed, stored_bytes=size, modified=_time(facts.get("created")))

    def _config(self, manifest: ImageManifest, token: CancelToken) -> tuple[Mapping[str, Any], bytes]:
        """What the config says and its bytes; nothing where it is none: repositories hold other things than images."""
        try:
            data = self._blobs.read(self._repository, manifest.config, CONFIG_LIMIT_BYTES, token)
            return decode_object(data, "the config"), data
        except CacheError:
            return {}, b""


def _named(tag: str) -> Listed:
    if tag == INDEX_TAG:
        return Listed(tag, EntryKind.INDEX)
    return Listed(tag, EntryKind.PACKAGE, entry_of_tag(tag)) if is_spec_tag(tag) else Listed(tag, EntryKind.IMAGE)


def _platform_part(part: Descriptor) -> Part:
    platform = part.platform
    note = f"{platform.os}/{platform.architecture}" if platform is not None else ""
    return Part(part.digest, part.size, part.media_type, note)


def _root_of(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The package's own node in the spec of a config, an empty one if there is none."""
    nodes = mapping_in(facts, "spec").get("nodes")
    return nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else {}


def _name_of(root: Mapping[str, Any], by_tag: EntryName) -> EntryName:
    """The spec knows better than a tag."""
    return EntryName(str(root.get("name") or by_tag.name), str(root.get("version") or by_tag.version), by_tag.hash)


def _target_of(root: Mapping[str, Any]) -> str:
    target = mapping_in(root, "arch").get("target")
    return str((target.get("name") if isinstance(target, dict) else target) or "")


def _time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None
