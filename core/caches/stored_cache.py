# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A build cache that is read by key, in a folder or behind a web address, in either layout or both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.caches.folder_objects import has_blob, read_ahead, read_blob
from core.caches.index import SPEC_LIMIT_BYTES, decode_spec
from core.caches.layout3 import ARCHIVE_TYPE, SPEC_TYPE, entry_manifest
from core.caches.manifests import MANIFEST_LIMIT_BYTES, BlobRecord, decode_manifest
from core.caches.protocol import BlobAt, CacheEntry, CacheIndex, EntryName, PublishedKeys, StoredPackage
from core.caches.published_keys import published, read_keys
from core.caches.signed_before import SignedBefore
from core.caches.stored_browser import StoredBrowser
from core.caches.stored_layers import (
    CurrentLayer,
    KeptBlobs,
    Layer,
    Named,
    OldLayer,
    refuse_sources,
    the_ones_that_count,
)
from core.caches.stored_verifier import StoredVerifier
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, SigningError
from core.signing.clearsign import is_clearsigned, signed_text
from core.storage.reading import ByteReader, Files, Stat

FilesOf = Callable[[CancelToken], Files]
Verify = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry that is there if all of its `blobs` are."""

    entry: CacheEntry
    blobs: tuple[BlobRecord, ...]


class StoredCache:
    """The `ReadableCache` in what `files` gives for an operation that may be cancelled.

    `verify` gets a signed manifest and returns the text whose signature is good, or raises SigningError; without it
    every well-formed signed manifest counts as signed. `kept` holds what came over the network before.
    """

    def __init__(
        self,
        files: FilesOf,
        *,
        url: str,
        index_only: bool,
        verify: Verify | None = None,
        kept: KeptBlobs | None = None,
    ) -> None:
        self.url = url
        self.index_only = index_only
        self._files = files
        self._verify = verify
        self._kept = kept
        self._lock = threading.Lock()
        self._old_keys: dict[str, str] = {}

    def present(self, entries: Sequence[EntryName], *, signed: bool, token: CancelToken) -> dict[str, CacheEntry]:
        files = self._files(token)

        def confirm(key: str) -> CacheEntry | None:
            token.raise_if_cancelled()
            return self._confirmed(files, key, wanted[key], signed=signed)

        wanted = {entry_manifest(entry): entry for entry in entries}
        return {found.entry.hash: found for found in read_ahead(confirm, list(wanted)) if found}

    def entries(self, *, token: CancelToken) -> Iterator[CacheEntry | ErrorInfo]:
        files = self._files(token)
        current, old = self._layers(files)
        seen: set[str] = set()
        for layer in (current, old):
            listed = the_ones_that_count(layer.names())
            names = {named.key: named for named in listed if named.entry is None or named.entry.hash not in seen}
            for found in read_ahead(partial(_listed, files, layer, names), list(names)):
                token.raise_if_cancelled()
                if isinstance(found, CacheEntry):
                    seen.add(found.entry.hash)
                yield found
        if not seen:
            refuse_sources(files)

    def read_index(self, *, token: CancelToken | None = None) -> CacheIndex | None:
        current, old = self._layers(self._files(token or CancelToken()))
        new, older = current.index(), old.index()
        if new is None or older is None:
            return new or older
        return CacheIndex({**older.records, **new.records}, new.digest, new.written_at)

    def browser(self) -> StoredBrowser:
        return StoredBrowser(self._files, self._kept)

    def package(self, entry: EntryName, *, token: CancelToken) -> StoredPackage:
        files = self._files(token)
        current, old = self._layers(files)
        try:
            return current.package(entry_manifest(entry))
        except NotFound as error:
            key = self._old_key(old, entry.hash)
            if not key:
                raise NotFound(f"{entry.name}@{entry.version} is not in {self.url}", error.why) from error
            return _measured(files, old.package(key))

    def open_blob(self, blob: BlobAt, *, token: CancelToken) -> AbstractContextManager[ByteReader]:
        return self._files(token).open(blob.key)

    def save_blob(self, blob: BlobAt, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        self._files(token).save(blob.key, blob.digest, target, token=token, progress=progress)

    def public_keys(self, *, token: CancelToken) -> dict[str, bytes]:
        return read_keys(self._files(token))

    def published_keys(self, *, token: CancelToken) -> PublishedKeys:
        return published(self._files(token))

    def verifier(self, *, signatures: bool) -> StoredVerifier:
        return StoredVerifier(self._files, self._verify if signatures else None)

    def _old_key(self, old: OldLayer, dag_hash: str) -> str:
        """Where a package has its spec file in the old layout, "" if it has none: no name tells it, so the place is
        listed, again for what was not there before."""
        with self._lock:
            if dag_hash not in self._old_keys:
                named = the_ones_that_count(old.names())
                self._old_keys = {one.entry.hash: one.key for one in named if one.entry is not None}
            return self._old_keys.get(dag_hash, "")

    def _layers(self, files: Files) -> tuple[CurrentLayer, OldLayer]:
        return CurrentLayer(files, self._kept), OldLayer(files, self._kept)

    def _confirmed(self, files: Files, key: str, entry: EntryName, *, signed: bool) -> CacheEntry | None:
        """The entry if it is complete, and well signed where `signed` asks for that."""
        try:
            claim = self._claim(files, entry, *files.fetch(key, MANIFEST_LIMIT_BYTES), signed=signed)
        except NotFound:
            return None
        if claim is None or not all(has_blob(files, blob.digest, blob.content_length) for blob in claim.blobs):
            return None
        return claim.entry

    def _claim(
        self,
        files: Files,
        entry: EntryName,
        data: bytes,
        facts: Stat,
        *,
        signed: bool,
        before: SignedBefore | None = None,
    ) -> Claim | None:
        """What the manifest of a package says, None if it cannot be understood or is not well signed where `signed`
        asks for that; what was well signed `before` is not checked again."""
        digest = digest_of(data)
        try:
            if signed and not is_clearsigned(data):
                return None
            known = before is not None and before.knows(digest, entry.hash)
            # What counts is the text the signature covers, as the verifier read it.
            text = self._verify(data) if signed and self._verify and not known else data
            manifest = decode_manifest(text, entry.name)
            archive, spec = manifest.blob(ARCHIVE_TYPE), manifest.blob(SPEC_TYPE)
            if signed and not known:
                # The manifest of another package, well signed, under the name of this one is no signature of this one.
                if decode_spec(read_blob(files, spec, SPEC_LIMIT_BYTES), manifest.where).root != entry.hash:
                    return None
                # Later on the text is taken from the message: it has to be the one that gpg read.
                if before is not None and signed_text(data) == text.removesuffix(b"\n"):
                    before.note(digest, entry.hash)
        except (NotFound, CacheError, SigningError):
            return None
        found = CacheEntry(
            entry=entry,
            manifest_digest=digest,
            blob_digest=archive.digest,
            spec_digest=spec.digest,
            stored_bytes=archive.content_length,
            tar_bytes=None,
            signed=is_clearsigned(data),
            modified=facts.mtime,
        )
        return Claim(found, (archive, spec))


def _listed(files: Files, layer: Layer, names: Mapping[str, Named], key: str) -> CacheEntry | ErrorInfo:
    try:
        package = _measured(files, layer.package(key))
    except MirrordeckError as error:
        return error.info()
    listed_as = names[key].entry  # an index knows the real version, file names only the cleaned one
    return CacheEntry(
        entry=listed_as if listed_as is not None and listed_as.name else package.entry,
        manifest_digest=digest_of(package.manifest),
        blob_digest=package.archive.digest,
        spec_digest=package.spec.digest,
        stored_bytes=package.archive.size or 0,
        tar_bytes=None,
        signed=package.signed,
        modified=package.modified,
        layout=package.layout,
    )


def _measured(files: Files, package: StoredPackage) -> StoredPackage:
    """With the size of its archive, which no document of the old layout says."""
    facts = files.stat(package.archive.key) if package.archive.size is None else None
    return replace(package, archive=replace(package.archive, size=facts.size)) if facts is not None else package
