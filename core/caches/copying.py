# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying packages from one cache to another.

Archives travel byte for byte. Where both caches have layout 3 so do manifests and spec blobs, and with them signatures;
between two registries so do images. Else the package is published anew from its spec document, and a signature it had
is checked before it is left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from core.caches.archive_facts import read_archive
from core.caches.folder_cache import FolderCache
from core.caches.folder_objects import read_ahead
from core.caches.index import SPEC_LIMIT_BYTES, SpecDocument, decode_spec, spec_text
from core.caches.layout2 import NESTED, current_document, decode_entry
from core.caches.oci.environment import FileVariables, start_of
from core.caches.oci.image import spec_document_of
from core.caches.oci.layers import RunGraph
from core.caches.oci.oci_cache import OciCache
from core.caches.oci.oci_push import ImageOptions, OciPush
from core.caches.protocol import (
    LAYOUT,
    BlobAt,
    CachePush,
    Completed,
    EntryName,
    Publication,
    PushScope,
    ReadableCache,
    Signer,
    StoredPackage,
    Verbatim,
)
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import BadSignature, CacheError, NotFound, SigningError
from core.foundation.files import PIECE_BYTES
from core.packing.model import Codec, PackedPackage
from core.signing.clearsign import signed_text
from core.spack.specs import PackageRecord, decode_node

Progress = Callable[[int], None]
NextPhase = Callable[[int], None]
Verify = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """A package as its cache has it. `text` is its spec document before compression and without a signature,
    `spec_blob` the document as it is stored, b"" where it is part of an image or of the old layout."""

    stored: StoredPackage
    text: bytes
    spec_blob: bytes
    spec: SpecDocument

    def document(self, archive_bytes: int) -> bytes:
        """The spec document as it is published anew, with an archive of that size."""
        return self.text if self.stored.layout == LAYOUT else current_document(self.text, archive_bytes)


class PackageCopy(Protocol):
    """One copy of several packages. Thread-safe; methods raise as those of `CachePush`."""

    @property
    def byte_phases(self) -> int: ...

    def prepare(self, token: CancelToken) -> None:
        """What must be there before the first package; doing it again changes nothing."""
        ...

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        """Whether an attempt that seemed to fail got through after all."""
        ...

    def copy(self, entry: EntryName, *, token: CancelToken, progress: Progress, upload: NextPhase) -> str:
        """Bring what a package consists of there; nobody sees it yet. `progress` gets stored bytes; `upload` is called
        with the size where a second phase begins. Gives how it came there, as `CachePush.upload`."""
        ...

    def needs(self, dag_hash: str) -> Collection[str]: ...

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed: ...


def read_package(cache: ReadableCache, entry: EntryName, token: CancelToken) -> SourcePackage:
    """A package with its spec. No signature is checked. Raises NotFound, or CacheError if it cannot be understood or is
    of a form that no Spack of today can use."""
    return read_stored(cache, cache.package(entry, token=token), token)


def read_stored(cache: ReadableCache, stored: StoredPackage, token: CancelToken) -> SourcePackage:
    """As `read_package`, of a package whose manifest was read."""
    entry, where = stored.entry, f"{cache.url}: {stored.key}"
    if stored.layout < LAYOUT:
        return old_package(stored, signed_text(stored.manifest) if stored.signed else stored.manifest, where)
    with cache.open_blob(stored.spec, token=token) as file:
        pieces: list[bytes] = []
        while piece := file.read(PIECE_BYTES):
            pieces.append(piece)
            if sum(map(len, pieces)) > SPEC_LIMIT_BYTES:
                raise CacheError(f"Cannot read {where}", "Its spec is too large")
    data = b"".join(pieces)
    if digest_of(data) != stored.spec.digest:
        raise CacheError(f"Damaged: {where}", "Its spec does not have the digest in the manifest")
    spec = decode_spec(data, where)
    if spec.root != entry.hash:
        raise CacheError(f"Cannot understand {where}", f"It holds another package, {spec.root[:40]}")
    if isinstance(cache, OciCache):
        return SourcePackage(stored, spec_document_of(data), b"", spec)
    return SourcePackage(stored, spec_text(data), data, spec)


def old_package(stored: StoredPackage, text: bytes, where: str) -> SourcePackage:
    """A package of the old layout as the `text` of its spec file says, signed or not. Raises CacheError."""
    old = decode_entry(text, stored.key, where)
    if old.layout == 1:
        raise CacheError(f"{old.entry.name}@{old.entry.version} cannot be copied", NESTED)
    archive = BlobAt(old.archive_key, old.archive_digest, stored.archive.size)
    return SourcePackage(replace(stored, entry=old.entry, archive=archive), text, b"", old.spec)


def checked(package: SourcePackage, verify: Verify, *, required: bool) -> SourcePackage:
    """A signed package as its signature vouches for it.

    Raises BadSignature if that is not good; where it is `required`, SigningError also if that cannot be told.
    """
    stored = package.stored
    try:
        text = verify(stored.manifest)
    except BadSignature:
        raise
    except SigningError:
        if required:
            raise
        return package
    return package if stored.layout == LAYOUT else old_package(stored, text, stored.key)


def records_of(package: SourcePackage) -> dict[str, PackageRecord]:
    """Records of a package and all it depends on, of which nothing is known but their specs."""
    return {dag_hash: _record(dag_hash, node, package.stored) for dag_hash, node in package.spec.nodes.items()}


def _record(dag_hash: str, document: msgspec.Raw, stored: StoredPackage) -> PackageRecord:
    node = decode_node(document)
    return PackageRecord(
        node=node,
        document=bytes(document),
        hash=dag_hash,
        prefix=None,
        install_root="",
        installed=True,
        explicit=False,
        installation_time=stored.modified,
        deprecated_for=None,
        upstream=False,
        specfile_version=node.original_format,
    )


class FolderCopy:
    """The `PackageCopy` into a folder. With a `signer` what is unsigned is signed, and what loses a signature of the
    old layout that is good by `verify`."""

    byte_phases = 1

    def __init__(
        self, source: ReadableCache, target: FolderCache, push: CachePush, signer: Signer | None, verify: Verify
    ) -> None:
        self._source = source
        self._target = target
        self._push = push
        self._signer = signer
        self._verify = verify

    def prepare(self, token: CancelToken) -> None:
        self._push.prepare(token)

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        return self._push.find(entry, token=token)

    def copy(self, entry: EntryName, *, token: CancelToken, progress: Progress, upload: NextPhase) -> str:  # noqa: ARG002
        package = read_package(self._source, entry, token)
        travels = package.stored.layout == LAYOUT  # and with the manifest its signature
        if package.stored.signed and not travels:
            package = checked(package, self._verify, required=self._signer is not None)
        archive = package.stored.archive
        record = records_of(package)[entry.hash]
        entry = EntryName(record.name, record.version, entry.hash)  # a tag may have led to a wrong guess
        path = self._push.staging(entry)
        outcome = "present"
        if archive.size is None or not self._target.holds(archive.digest, archive.size):
            self._source.save_blob(archive, path, token=token, progress=progress)
            outcome = ""
        size = archive.size if archive.size is not None else path.stat().st_size
        packed = PackedPackage(path, archive.digest, "", size, 0, 0, Codec.SPACK)
        signer = None if package.stored.signed and travels else self._signer
        verbatim = Verbatim(package.stored.manifest, package.spec_blob) if package.spec_blob else None
        publication = Publication(entry, packed, package.document(size), signer, record, verbatim)
        try:
            self._push.upload(publication, token=token, progress=_ignore)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return outcome

    def needs(self, dag_hash: str) -> Collection[str]:
        return self._push.needs(dag_hash)

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        return self._push.complete(dag_hash, token=token)


class ImagePublishing:
    """The `PackageCopy` of packages from files into a registry: each becomes an image with the layers of all it needs.

    `entries` are all packages of the copy, also those that are there; `refused` says why some cannot be copied. What
    images say about their variables is found in the archives, without what recipes set. There are no signatures: those
    that are bad by `verify` are not left behind in silence.
    """

    byte_phases = 2

    def __init__(self, source: ReadableCache, push: OciPush, entries: Mapping[str, EntryName], verify: Verify) -> None:
        self.refused: dict[str, str] = {}
        self._source = source
        self._push = push
        self._entries = entries
        self._verify = verify
        self._lock = threading.Lock()
        self._records: dict[str, PackageRecord] = {}
        self._directories: set[str] = set()
        self._environments: dict[tuple[str, ...], tuple[str, ...]] = {}
        push.use_images(ImageOptions(environments=self._environments))

    def begin(self, pushing: frozenset[str], token: CancelToken) -> Collection[str]:
        """Read the specs of all packages; those of them that are there but have to be completed."""

        def read(root: str) -> Mapping[str, PackageRecord] | str:
            token.raise_if_cancelled()
            try:
                return records_of(read_package(self._source, self._entries[root], token))
            except (CacheError, NotFound, SigningError) as error:
                return error.info().sentence()

        for root, found in zip(self._entries, read_ahead(read, list(self._entries)), strict=True):
            if isinstance(found, str):
                self.refused[root] = found
                continue
            for dag_hash, record in found.items():
                if dag_hash not in self._records or dag_hash == root:
                    self._records[dag_hash] = record
        return self._push.begin(PushScope(self._records, frozenset(self._entries), pushing - self.refused.keys()))

    def prepare(self, token: CancelToken) -> None:
        self._push.prepare(token)

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        return self._push.find(entry, token=token)

    def copy(self, entry: EntryName, *, token: CancelToken, progress: Progress, upload: NextPhase) -> str:
        package = read_package(self._source, entry, token)
        if package.stored.signed:
            package = checked(package, self._verify, required=False)
        archive = package.stored.archive
        path = self._local(package, entry, token, progress)
        try:
            with path.open("rb", buffering=0) as file:
                facts = read_archive(file, str(path), token=token, progress=progress if self._is_local else _ignore)
            if facts.digest != archive.digest:
                raise CacheError(f"Damaged: {path}", "Its content does not have the digest in the manifest")
            self._learn(entry.hash, facts.prefix, facts.directories)
            packed = PackedPackage(
                path, facts.digest, facts.diff_id, facts.stored_bytes, facts.tar_bytes, 0, Codec.SPACK
            )
            upload(facts.stored_bytes)
            record, document = self._records[entry.hash], package.document(facts.stored_bytes)
            publication = Publication(entry, packed, document, None, record)
            return self._push.upload(publication, token=token, progress=progress)
        finally:
            if not self._is_local:
                path.unlink(missing_ok=True)

    def needs(self, dag_hash: str) -> Collection[str]:
        return self._push.needs(dag_hash)

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        for needed in self._push.layers_of(dag_hash):
            known = needed in self._entries and needed not in self.refused
            if known and self._records[needed].prefix is None:
                self._look_at(self._entries[needed], token)
        with self._lock:
            files = FileVariables(self._records, RunGraph(self._records), is_directory=self._directories.__contains__)
            self._environments[(dag_hash,)] = files.entries((dag_hash,), start_of())
        return self._push.complete(dag_hash, token=token)

    @property
    def _is_local(self) -> bool:
        return isinstance(self._source, FolderCache)

    def _local(self, package: SourcePackage, entry: EntryName, token: CancelToken, progress: Progress) -> Path:
        if isinstance(self._source, FolderCache):
            return self._source.path_of(package.stored.archive)
        path = self._push.staging(entry)
        self._source.save_blob(package.stored.archive, path, token=token, progress=progress)
        return path

    def _look_at(self, entry: EntryName, token: CancelToken) -> None:
        """The archive of a package that need not be copied: its directories belong in the variables all the same."""
        archive = self._source.package(entry, token=token).archive
        with self._source.open_blob(archive, token=token) as file:
            facts = read_archive(file, archive.key, token=token, progress=_ignore)
        self._learn(entry.hash, facts.prefix, facts.directories)

    def _learn(self, dag_hash: str, prefix: str, directories: frozenset[str]) -> None:
        with self._lock:
            self._records[dag_hash] = msgspec.structs.replace(self._records[dag_hash], prefix=prefix)
            self._directories |= directories


def _ignore(_count: int) -> None:
    """Bytes that were counted before."""
