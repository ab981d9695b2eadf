# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a cache in a repository is sound: tags, configs, layers and the index, all read from the registry itself.

What was kept from earlier reading is of no use here. Registries do not list blobs, so none can be found dangling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.caches.findings import Finding, FindingKind, Remedy
from core.caches.folder_objects import read_ahead
from core.caches.index import INDEX_LIMIT_BYTES, decode_index
from core.caches.oci.base_image import CONFIG_LIMIT_BYTES
from core.caches.oci.image import diff_ids_of, mapping_in, marks_in
from core.caches.oci.names import INDEX_TAG, entry_of_tag, is_spec_tag
from core.caches.oci.survey import root_of
from core.caches.protocol import EntryName, IndexRecord
from core.caches.stored_verifier import entry_in
from core.caches.verification import ODD, Inspection
from core.foundation.digests import hex_of
from core.foundation.errors import CacheError
from core.foundation.text import plural, short_hash
from core.registry.manifests import Descriptor, ImageIndex, ImageManifest, parse_image_manifest, parse_manifest
from core.registry.repository import Repository
from core.registry.strict_json import decode_object


@dataclass(frozen=True, slots=True)
class _Use:
    """A blob as an image names it; `what` says which part of the image it is."""

    part: Descriptor
    tag: str
    entry: EntryName | None
    what: str


@dataclass(slots=True)
class _Read:
    findings: list[Finding] = field(default_factory=list)
    uses: list[_Use] = field(default_factory=list)


class OciVerifier:
    """The `CacheVerifier` of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def run(self, inspection: Inspection) -> Iterator[Finding]:
        token = inspection.token
        tags = [tag for tag in self._repository.tags(token) if tag != INDEX_TAG]
        packages = [tag for tag in tags if is_spec_tag(tag)]
        inspection.begin(len(packages))
        uses: defaultdict[str, list[_Use]] = defaultdict(list)
        for tag, read in zip(tags, read_ahead(partial(self._check_tag, inspection), tags), strict=True):
            yield from read.findings
            for use in read.uses:
                uses[use.part.digest].append(use)
            if is_spec_tag(tag):
                inspection.package_done()
        yield from self._check_index(packages, inspection)
        for findings in read_ahead(lambda digest: self._check_blob(uses[digest], inspection), sorted(uses)):
            yield from findings
            inspection.blob_done()

    def _check_tag(self, inspection: Inspection, tag: str) -> _Read:
        read = _Read()
        entry = entry_of_tag(tag)
        remedy = Remedy.PUSH_AGAIN if is_spec_tag(tag) else Remedy.NOTHING
        try:
            if is_spec_tag(tag) and entry is None:
                raise CacheError(f"Cannot understand the tag {tag}", "It ends like that of a package, but names none")
            raw = self._repository.manifest(tag, inspection.token, expected=True)
            if raw is None:
                words = f"The tag {tag} is listed, but there is no image."
                read.findings.append(Finding(FindingKind.LISTED_BUT_GONE, tag, words, remedy, entry))
                return read
            manifest = parse_image_manifest(raw) if is_spec_tag(tag) else parse_manifest(raw)
        except ODD as error:
            words = f"The image {_label(tag, entry)} cannot be used. {error}."
            read.findings.append(Finding(FindingKind.UNREADABLE_MANIFEST, tag, words, remedy, entry))
            return read
        if isinstance(manifest, ImageIndex):
            return read  # its images are those of others
        missing = marks_in({}, manifest.annotations).missing
        if missing:
            words = f"The image of {_label(tag, entry)} does not run: {plural(len(missing), 'layer')} missing."
            read.findings.append(Finding(FindingKind.INCOMPLETE_IMAGE, tag, words, remedy, entry))
        own = len(manifest.layers) - 1
        read.uses.append(_Use(manifest.config, tag, entry, "config"))
        for number, layer in enumerate(manifest.layers):
            read.uses.append(_Use(layer, tag, entry, "archive" if entry is not None and number == own else "layer"))
        if inspection.full and entry is not None:
            read.findings += self._check_config(tag, entry, manifest, inspection)
        return read

    def _check_config(
        self, tag: str, entry: EntryName, manifest: ImageManifest, inspection: Inspection
    ) -> list[Finding]:
        """Whether the config is that of the package, and of these layers. One that is gone is found as a blob."""
        try:
            data = self._repository.read_blob(manifest.config.digest, CONFIG_LIMIT_BYTES, inspection.token)
            problem = _misfit(entry, manifest, decode_object(data, f"the config of {tag}"))
        except CacheError as error:
            problem = f"cannot be understood: {error}"
        except ODD:
            return []
        if not problem:
            return []
        words = f"The config of {_label(tag, entry)} {problem} ({manifest.config.digest})."
        kind, blob = FindingKind.WRONG_PACKAGE, manifest.config.digest
        return [Finding(kind, tag, words, Remedy.PUSH_AGAIN, entry, blob)]

    def _check_blob(self, uses: list[_Use], inspection: Inspection) -> list[Finding]:
        part = uses[0].part
        try:
            size = self._repository.blob_size(part.digest, inspection.token)
            if size is None:
                return [_finding(FindingKind.MISSING_BLOB, use, "is missing") for use in uses]
            misfits = [use for use in uses if use.part.size != size]
            if misfits:
                has = f"has {size:,} bytes instead of"
                return [_finding(FindingKind.WRONG_SIZE, use, f"{has} {use.part.size:,}") for use in misfits]
            if inspection.full and not inspection.has_digest(
                part.digest, size, 0.0, lambda: self._repository.open_blob(part.digest, inspection.token)
            ):
                return [_finding(FindingKind.WRONG_DIGEST, use, "does not have its digest any more") for use in uses]
        except ODD as error:
            return [_finding(FindingKind.UNREADABLE_BLOB, use, f"cannot be read: {error}") for use in uses]
        return []

    def _check_index(self, packages: list[str], inspection: Inspection) -> Iterator[Finding]:
        try:
            records = self._read_index(inspection)
        except ODD as error:
            words = f"The index cannot be used. {error}."
            yield Finding(FindingKind.BAD_INDEX, INDEX_TAG, words, Remedy.REINDEX)
            return
        if records is None:
            if packages:
                words = "There is no index, so Spack does not list what is here."
                yield Finding(FindingKind.NO_INDEX, INDEX_TAG, words, Remedy.REINDEX)
            return
        there = {entry.hash: tag for tag in packages if (entry := entry_of_tag(tag)) is not None}
        indexed = {dag_hash for dag_hash, record in records.items() if record.in_buildcache}
        for dag_hash in sorted(there.keys() - indexed):
            tag = there[dag_hash]
            words = f"{_label(tag, entry_of_tag(tag))} is not in the index."
            yield Finding(FindingKind.MISSING_IN_INDEX, tag, words, Remedy.REINDEX, entry_of_tag(tag))
        for dag_hash in sorted(indexed - there.keys()):
            entry = entry_in(records, dag_hash)
            words = f"{_label('', entry)} is in the index, but not in the cache."
            yield Finding(FindingKind.LISTED_BUT_GONE, INDEX_TAG, words, Remedy.REINDEX, entry)

    def _read_index(self, inspection: Inspection) -> Mapping[str, IndexRecord] | None:
        raw = self._repository.manifest(INDEX_TAG, inspection.token)
        if raw is None:
            return None
        manifest = parse_image_manifest(raw)
        if not manifest.layers:
            raise CacheError("The index is empty", "Its image has no layer")
        self._repository.read_blob(manifest.config.digest, CONFIG_LIMIT_BYTES, inspection.token)
        data = self._repository.read_blob(manifest.layers[0].digest, INDEX_LIMIT_BYTES, inspection.token)
        return decode_index(data, f"{self._repository.reference.repository}:{INDEX_TAG}")


def _misfit(entry: EntryName, manifest: ImageManifest, facts: Mapping[str, Any]) -> str:
    root = root_of(facts)
    if root != entry.hash:
        return f"belongs to another package, {str(root)[:40]}"
    if len(diff_ids_of(facts)) != len(manifest.layers):
        return f"names {len(diff_ids_of(facts))} layers, but there are {len(manifest.layers)}"
    checksum = mapping_in(facts, "binary_cache_checksum").get("hash")
    if manifest.layers and checksum is not None and checksum != hex_of(manifest.layers[-1].digest):
        return "belongs to another archive"
    return ""


def _finding(kind: FindingKind, use: _Use, words: str) -> Finding:
    sentence = f"The {use.what} of {_label(use.tag, use.entry)} {words} ({use.part.digest})."
    # Registries never write a blob again that they have under its digest already.
    helps = use.entry is not None and kind is not FindingKind.WRONG_DIGEST
    remedy = Remedy.PUSH_AGAIN if helps else Remedy.NOTHING
    return Finding(kind, use.tag, sentence, remedy, use.entry, use.part.digest)


def _label(tag: str, entry: EntryName | None) -> str:
    return f"{entry.name}@{entry.version}/{short_hash(entry.hash)}" if entry is not None else tag
