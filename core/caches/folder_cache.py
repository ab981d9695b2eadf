# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A build cache of layout 3 in a local or network folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from core.caches import folder_index
from core.caches.folder_keys import publish_key, store_keys, update_key_index
from core.caches.folder_objects import claim_blob, put_blob, read_ahead
from core.caches.folder_presence import file_sizes, read_manifests
from core.caches.folder_signing import EntrySigning, SigningStep
from core.caches.folder_upkeep import LEFTOVER_S, FolderUpkeep
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    BLOB_PREFIX,
    LAYOUT_BYTES,
    LAYOUT_KEY,
    SPEC_PREFIX,
    SPEC_TYPE,
    blob_key,
    entry_manifest,
)
from core.caches.manifests import blob_record, encode_manifest
from core.caches.protocol import (
    BlobAt,
    CacheEntry,
    Completed,
    EntryName,
    IndexUpdate,
    Publication,
    PushScope,
    Signer,
)
from core.caches.signed_before import SignedBefore
from core.caches.stored_cache import StoredCache
from core.caches.stored_layers import mark_problem
from core.foundation.cancel import CancelToken
from core.foundation.collector import resting_collector
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, MirrordeckError, MirrorVanished, PermissionDenied
from core.foundation.text import plural
from core.packing.model import PackedPackage
from core.packing.spec_blob import gzip_spec_document
from core.registry.early import EarlyUpload
from core.signing.clearsign import is_clearsigned
from core.storage.folder import Folder


class FolderCache(StoredCache):
    """The `BuildCache` in the folder `root`, which need not exist yet. `verify` is that of a `StoredCache`; a push
    believes what `signed_before` gives, instead of running it for all that is there."""

    def __init__(
        self,
        root: Path,
        *,
        verify: Callable[[bytes], bytes] | None = None,
        signed_before: Callable[[], SignedBefore] | None = None,
    ) -> None:
        self._folder = folder = Folder(root)
        self._signed_before = signed_before
        super().__init__(lambda _: folder, url=folder.root.as_uri(), index_only=False, verify=verify)

    @property
    def folder(self) -> Folder:
        return self._folder

    def check_writable(self) -> None:
        self._folder.check_writable(SPEC_PREFIX, BLOB_PREFIX)

    def staging(self, entry: EntryName) -> Path:
        return self._folder.temporary(f"{BLOB_PREFIX}/{entry.hash}")

    def check_there(self) -> None:
        """Raise MirrorVanished unless the folder has its layout mark. New files would go to a place that is no mirror:
        the directory below a file system that was unmounted, for example."""
        why = f"{self._folder.root}: the mirror's own files are not there any more"
        try:
            if self._folder.stat(LAYOUT_KEY) is not None:
                return
        except MirrordeckError as error:
            why = error.info().sentence()
        raise MirrorVanished(
            "The folder of the mirror is gone", why, remedies=("Mount it again, or put it back, then continue.",)
        )

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
        elif not claim_blob(self._folder, packed.digest, packed.stored_bytes):
            self._folder.copy_in(key, packed.path, packed.digest, token=token, progress=progress)
            return
        progress(packed.stored_bytes)

    def store_entry(self, publication: Publication, token: CancelToken) -> CacheEntry:
        """Second half of `publish`: the spec document, then the manifest, which makes the package visible."""
        packed, verbatim = publication.packed, publication.verbatim
        spec = verbatim.spec_blob if verbatim else gzip_spec_document(publication.spec_document, packed.codec)
        spec_digest = put_blob(self._folder, spec)
        manifest = verbatim.manifest if verbatim else _manifest_of(packed, spec, spec_digest)
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
            tar_bytes=packed.tar_bytes or None,
            signed=is_clearsigned(manifest),
            modified=facts.mtime,
        )

    def present(self, entries: Sequence[EntryName], *, signed: bool, token: CancelToken) -> dict[str, CacheEntry]:
        return self._present(entries, None, signed=signed, token=token)

    def _present(
        self, entries: Sequence[EntryName], before: SignedBefore | None, *, signed: bool, token: CancelToken
    ) -> dict[str, CacheEntry]:
        with resting_collector():
            claims = []
            wanted = {entry_manifest(entry): entry for entry in entries}
            for key, data, facts in read_manifests(self._folder, wanted, token):
                claim = self._claim(self._folder, wanted[key], data, facts, signed=signed, before=before)
                if claim is not None:
                    claims.append((claim.entry, [(blob_key(blob.digest), blob.content_length) for blob in claim.blobs]))
            sizes = file_sizes(self._folder, {key for _, blobs in claims for key, _ in blobs}, token)
            return {
                entry.entry.hash: entry for entry, blobs in claims if all(sizes.get(key) == size for key, size in blobs)
            }

    def open_push(self, entries: Sequence[EntryName], *, signer: Signer | None, token: CancelToken) -> FolderPush:
        before = self._signed_before() if signer is not None and self._signed_before is not None else None
        present = self._present(entries, before, signed=signer is not None, token=token)
        if before is not None:
            before.save()
        return FolderPush(self, present, signer)

    def prepare(self, signer: Signer | None) -> None:
        if mark_problem(self._folder):
            self._folder.write(LAYOUT_KEY, LAYOUT_BYTES)
        if signer is not None:
            publish_key(self._folder, signer)

    def keep_fresh(self, entries: Sequence[CacheEntry], token: CancelToken) -> None:
        """Have clean-ups take packages for recently used, because what is pushed now depends on them. Their manifests
        are not touched, as their time is when a package was pushed; files of other people stay as they are.

        Raises CacheError if one of them is gone.
        """

        def refresh(digest: str) -> bool:
            token.raise_if_cancelled()
            with suppress(PermissionDenied):
                return self._folder.touch(blob_key(digest))
            return True

        there = read_ahead(refresh, [entry.spec_digest for entry in entries])
        gone = [entry.entry for entry, found in zip(entries, there, strict=True) if not found]
        if gone:
            why = f"{gone[0].name}@{gone[0].version} was there when the push was planned"
            title = f"{plural(len(gone), 'package')} that others need vanished from {self.url}"
            raise CacheError(title, why, remedies=("Plan the push again.",))

    def update_index(self, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]) -> IndexUpdate:
        return folder_index.update_index(self._folder, self.url, full=full, token=token, progress=progress)

    def store_keys(self, keys: Mapping[str, bytes], *, listed: bool) -> None:
        store_keys(self._folder, keys)
        if listed:
            update_key_index(self._folder)

    def change_signatures(
        self, signer: Signer | None, hashes: Collection[str] | None, token: CancelToken
    ) -> Iterator[SigningStep]:
        """Sign entries that are not signed yet, without a signer take the signatures off instead; those of `hashes`
        only. Nothing is done until the steps are taken."""
        return EntrySigning(self._folder, signer).run(hashes, token)

    def holds(self, digest: str, stored_bytes: int) -> bool:
        """Whether a blob is there, so that it need not be brought; no clean-up takes it in the next time."""
        return claim_blob(self._folder, digest, stored_bytes)

    def path_of(self, blob: BlobAt) -> Path:
        """Where a blob lies."""
        return self._folder.path(blob.key)

    def drop_leftovers(self, older_than_s: float, hashes: Collection[str] | None = None) -> None:
        """Delete half-packed files that nobody has written to for so long, of `hashes` or of any package. Those of
        other people stay where they may not be deleted."""
        self._folder.drop_temporaries(BLOB_PREFIX, older_than_s, hashes)

    def upkeep(self, *, probe: bool = True) -> FolderUpkeep:
        return FolderUpkeep(self._folder, self.url, probe=probe)


class FolderPush:
    """A push into a `FolderCache`: archives are packed where they stay, and no entry needs another one."""

    byte_phases = 1

    def __init__(self, cache: FolderCache, present: Mapping[str, CacheEntry], signer: Signer | None) -> None:
        self.present = present
        self._cache = cache
        self._signer = signer
        self._relied_on: list[CacheEntry] = []
        self._stored: dict[str, Publication] = {}
        self._prepared = False
        self._found: dict[str, CacheEntry] = {}

    def begin(self, scope: PushScope) -> tuple[str, ...]:
        relied_on = scope.selected if scope.pushing else frozenset()
        self._relied_on = [entry for key, entry in self.present.items() if key in relied_on]
        return ()

    def prepare(self, token: CancelToken) -> None:
        self._cache.prepare(self._signer)
        self._cache.drop_leftovers(LEFTOVER_S)
        self._cache.keep_fresh(self._relied_on, token)
        self._prepared = True

    def staging(self, entry: EntryName) -> Path:
        return self._cache.staging(entry)

    def check_there(self) -> None:
        if self._prepared:
            self._cache.check_there()

    def archive_path(self, digest: str) -> Path:
        return self._cache.path_of(BlobAt(blob_key(digest), digest, None))

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        found = self._cache.present([entry], signed=self._signer is not None, token=token)
        self._found.update(found)
        return entry.hash in found

    def early_upload(self, token: CancelToken, report: Callable[[int], None]) -> None:
        """Archives are packed into their place."""

    def upload(
        self,
        publication: Publication,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
        early: EarlyUpload | None = None,  # noqa: ARG002
    ) -> str:
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


def _manifest_of(packed: PackedPackage, spec: bytes, spec_digest: str) -> bytes:
    archive = blob_record(ARCHIVE_TYPE, packed.digest, packed.stored_bytes, compression="gzip")
    return encode_manifest((archive, blob_record(SPEC_TYPE, spec_digest, len(spec), compression="gzip")))
