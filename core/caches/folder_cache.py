# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A build cache of layout 3 in a local or network folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from core.caches import folder_index
from core.caches.folder_browser import FolderBrowser
from core.caches.folder_keys import publish_key
from core.caches.folder_objects import has_blob, put_blob, read_ahead
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    BLOB_PREFIX,
    LAYOUT_BYTES,
    LAYOUT_KEY,
    SPEC_PREFIX,
    SPEC_TYPE,
    blob_key,
    entry_manifest,
    entry_of,
    is_entry_manifest,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, Manifest, blob_record, decode_manifest, encode_manifest
from core.caches.protocol import (
    CacheEntry,
    CacheIndex,
    Completed,
    EntryName,
    IndexUpdate,
    Publication,
    PushScope,
    Signer,
)
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, SigningError
from core.packing.model import PackedPackage
from core.packing.spec_blob import gzip_spec_document
from core.signing.clearsign import is_clearsigned
from core.storage.folder import Folder, Stat


class FolderCache:
    """The `BuildCache` in the folder `root`, which need not exist yet.

    `verify` gets a signed manifest and returns the text whose signature is good, or raises SigningError; without it
    every well-formed signed manifest counts as signed.
    """

    def __init__(self, root: Path, *, verify: Callable[[bytes], bytes] | None = None) -> None:
        self._folder = Folder(root)
        self.url = self._folder.root.as_uri()
        self._verify = verify

    def check_writable(self) -> None:
        self._folder.check_writable(SPEC_PREFIX, BLOB_PREFIX)

    def present(self, entries: Sequence[EntryName], *, signed: bool, token: CancelToken) -> dict[str, CacheEntry]:
        def confirm(key: str) -> CacheEntry | None:
            token.raise_if_cancelled()
            return self._confirmed(key, wanted[key], signed=signed)

        wanted = {entry_manifest(entry): entry for entry in entries}
        return {found.entry.hash: found for found in read_ahead(confirm, list(wanted)) if found}

    def staging(self, entry: EntryName) -> Path:
        return self._folder.temporary(f"{BLOB_PREFIX}/{entry.hash}")

    def publish(self, publication: Publication, *, token: CancelToken, progress: Callable[[int], None]) -> CacheEntry:
        self.store_archive(publication.packed, token, progress)
        token.raise_if_cancelled()
        return self.store_entry(publication, token)

    def store_archive(self, packed: PackedPackage, token: CancelToken, progress: Callable[[int], None]) -> None:
        """First half of `publish`: the archive, which nobody sees yet."""
        key = blob_key(packed.digest)
        if self._folder.owns(packed.path) and packed.path.exists():
            # Also over a blob that is there: it costs nothing, heals a damaged one, and its fresh time keeps Spack's
            # prune from taking it before the manifest names it.
            self._folder.adopt(key, packed.path, packed.stored_bytes)
        elif not has_blob(self._folder, packed.digest, packed.stored_bytes):
            self._folder.copy_in(key, packed.path, packed.digest, token=token, progress=progress)
            return
        progress(packed.stored_bytes)

    def store_entry(self, publication: Publication, token: CancelToken) -> CacheEntry:
        """Second half of `publish`: the spec document, then the manifest, which makes the package visible."""
        packed = publication.packed
        spec = gzip_spec_document(publication.spec_document, packed.codec)
        spec_digest = put_blob(self._folder, spec)
        manifest = encode_manifest(
            (
                blob_record(ARCHIVE_TYPE, packed.digest, packed.stored_bytes, compression="gzip"),
                blob_record(SPEC_TYPE, spec_digest, len(spec), compression="gzip"),
            )
        )
        if publication.signer is not None:
            manifest = publication.signer.clearsign(manifest)
        token.raise_if_cancelled()
        facts = self._folder.write(entry_manifest(publication.entry), manifest)
        return CacheEntry(
            entry=publication.entry,
            manifest_digest=digest_of(manifest),
            blob_digest=packed.digest,
            spec_digest=spec_digest,
            stored_bytes=packed.stored_bytes,
            tar_bytes=packed.tar_bytes,
            signed=publication.signer is not None,
            modified=facts.mtime,
        )

    def open_push(self, entries: Sequence[EntryName], *, signer: Signer | None, token: CancelToken) -> FolderPush:
        return FolderPush(self, self.present(entries, signed=signer is not None, token=token), signer)

    def prepare(self, signer: Signer | None) -> None:
        if self._folder.stat(LAYOUT_KEY) is None:
            self._folder.write(LAYOUT_KEY, LAYOUT_BYTES)
        if signer is not None:
            publish_key(self._folder, signer)

    def entries(self, *, token: CancelToken) -> Iterator[CacheEntry | ErrorInfo]:
        keys = [key for key in self._folder.list(SPEC_PREFIX) if is_entry_manifest(key)]
        for found in read_ahead(self._listed, keys):
            token.raise_if_cancelled()
            yield found

    def read_index(self) -> CacheIndex | None:
        return folder_index.read_index(self._folder)

    def update_index(self, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]) -> IndexUpdate:
        return folder_index.update_index(self._folder, self.url, full=full, token=token, progress=progress)

    def browser(self) -> FolderBrowser:
        return FolderBrowser(self._folder)

    def _confirmed(self, key: str, entry: EntryName, *, signed: bool) -> CacheEntry | None:
        """The entry if it is complete, and well signed where `signed` asks for that."""
        try:
            data, facts = self._folder.fetch(key, MANIFEST_LIMIT_BYTES)
            if signed and not is_clearsigned(data):
                return None
            # What counts is the text the signature covers, as the verifier read it.
            text = self._verify(data) if signed and self._verify else data
            manifest = decode_manifest(text, str(self._folder.path(key)))
            blobs = (manifest.blob(ARCHIVE_TYPE), manifest.blob(SPEC_TYPE))
        except (NotFound, CacheError, SigningError):
            return None
        if not all(has_blob(self._folder, blob.digest, blob.content_length) for blob in blobs):
            return None
        return _entry(entry, data, facts, manifest)

    def _listed(self, key: str) -> CacheEntry | ErrorInfo:
        where = str(self._folder.path(key))
        try:
            entry = entry_of(key)
            if entry is None:
                raise CacheError(f"Cannot understand {where}", "Its name is not that of a package")
            data, facts = self._folder.fetch(key, MANIFEST_LIMIT_BYTES)
            return _entry(entry, data, facts, decode_manifest(data, where))
        except MirrordeckError as error:
            return error.info()


class FolderPush:
    """A push into a `FolderCache`: archives are packed where they stay, and no entry needs another one."""

    byte_phases = 1

    def __init__(self, cache: FolderCache, present: Mapping[str, CacheEntry], signer: Signer | None) -> None:
        self.present = present
        self._cache = cache
        self._signer = signer
        self._stored: dict[str, Publication] = {}
        self._found: dict[str, CacheEntry] = {}

    def begin(self, _scope: PushScope) -> tuple[str, ...]:
        return ()

    def prepare(self, _token: CancelToken) -> None:
        self._cache.prepare(self._signer)

    def staging(self, entry: EntryName) -> Path:
        return self._cache.staging(entry)

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        found = self._cache.present([entry], signed=self._signer is not None, token=token)
        self._found.update(found)
        return entry.hash in found

    def upload(self, publication: Publication, *, token: CancelToken, progress: Callable[[int], None]) -> str:
        self._cache.store_archive(publication.packed, token, progress)
        self._stored[publication.entry.hash] = publication
        return ""

    def needs(self, _dag_hash: str) -> tuple[str, ...]:
        return ()

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        if dag_hash not in self._stored:
            return Completed(self._found[dag_hash])
        entry = self._cache.store_entry(self._stored[dag_hash], token)
        del self._stored[dag_hash]
        return Completed(entry)


def _entry(entry: EntryName, data: bytes, facts: Stat, manifest: Manifest) -> CacheEntry:
    archive = manifest.blob(ARCHIVE_TYPE)
    return CacheEntry(
        entry=entry,
        manifest_digest=digest_of(data),
        blob_digest=archive.digest,
        spec_digest=manifest.blob(SPEC_TYPE).digest,
        stored_bytes=archive.content_length,
        tar_bytes=None,
        signed=is_clearsigned(data),
        modified=facts.mtime,
    )
