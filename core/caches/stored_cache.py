# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A build cache that is read by key, in a folder or behind a web address, in either layout or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from core.caches.folder_objects import has_blob, read_ahead, read_blob
from core.caches.index import SPEC_LIMIT_BYTES, decode_spec
from core.caches.layout3 import ARCHIVE_TYPE, SPEC_TYPE, entry_manifest
from core.caches.manifests import MANIFEST_LIMIT_BYTES, decode_manifest
from core.caches.protocol import BlobAt, CacheEntry, CacheIndex, EntryName, PublishedKeys, StoredPackage
from core.caches.published_keys import published, read_keys
from core.caches.stored_browser import StoredBrowser
from core.caches.stored_layers import CurrentLayer, KeptBlobs, Layer, Named, OldLayer
from core.caches.stored_verifier import StoredVerifier
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, SigningError
from core.signing.clearsign import is_clearsigned
from core.storage.reading import ByteReader, Files

FilesOf = Callable[[CancelToken], Files]
Verify = Callable[[bytes], bytes]


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
            names = {named.key: named for named in layer.names() if named.entry is None or named.entry.hash not in seen}
            for found in read_ahead(partial(_listed, files, layer, names), list(names)):
                token.raise_if_cancelled()
                if isinstance(found, CacheEntry):
                    seen.add(found.entry.hash)
                yield found

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
            keys = [named.key for named in old.names() if named.entry is not None and named.entry.hash == entry.hash]
            if not keys:
                raise NotFound(f"{entry.name}@{entry.version} is not in {self.url}", error.why) from error
            return old.package(keys[0])

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

    def _layers(self, files: Files) -> tuple[CurrentLayer, OldLayer]:
        return CurrentLayer(files, self._kept), OldLayer(files, self._kept)

    def _confirmed(self, files: Files, key: str, entry: EntryName, *, signed: bool) -> CacheEntry | None:
        """The entry if it is complete, and well signed where `signed` asks for that."""
        try:
            data, facts = files.fetch(key, MANIFEST_LIMIT_BYTES)
            if signed and not is_clearsigned(data):
                return None
            # What counts is the text the signature covers, as the verifier read it.
            text = self._verify(data) if signed and self._verify else data
            manifest = decode_manifest(text, files.where(key))
            archive, spec = manifest.blob(ARCHIVE_TYPE), manifest.blob(SPEC_TYPE)
            # The manifest of another package, well signed, under the name of this one is no signature of this one.
            if signed and decode_spec(read_blob(files, spec, SPEC_LIMIT_BYTES), manifest.where).root != entry.hash:
                return None
        except (NotFound, CacheError, SigningError):
            return None
        if not all(has_blob(files, blob.digest, blob.content_length) for blob in (archive, spec)):
            return None
        return CacheEntry(
            entry=entry,
            manifest_digest=digest_of(data),
            blob_digest=archive.digest,
            spec_digest=spec.digest,
            stored_bytes=archive.content_length,
            tar_bytes=None,
            signed=is_clearsigned(data),
            modified=facts.mtime,
        )


def _listed(files: Files, layer: Layer, names: Mapping[str, Named], key: str) -> CacheEntry | ErrorInfo:
    try:
        package = layer.package(key)
        size = package.archive.size
        if size is None:
            facts = files.stat(package.archive.key)
            size = facts.size if facts is not None else 0
    except MirrordeckError as error:
        return error.info()
    listed_as = names[key].entry  # an index knows the real version, file names only the cleaned one
    return CacheEntry(
        entry=listed_as if listed_as is not None and listed_as.name else package.entry,
        manifest_digest=digest_of(package.manifest),
        blob_digest=package.archive.digest,
        spec_digest=package.spec.digest,
        stored_bytes=size,
        tar_bytes=None,
        signed=package.signed,
        modified=package.modified,
    )
