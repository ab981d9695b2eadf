# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages of layout 2 become packages of layout 3 in the same folder, as Spack 1.1 migrates them.

Archives stay byte for byte the same: they get a second name where the file system has such, so that hardly any space is
needed, and are copied elsewhere. Spec documents keep their format. The old layout is not touched until it is deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.caches.copying import NextPhase, Progress, Verify, old_package, records_of
from core.caches.folder_objects import claim_blob, read_ahead
from core.caches.index import SPEC_LIMIT_BYTES
from core.caches.layout2 import NESTED, OLD_INDEX, OLD_INDEX_HASH, OLD_PREFIX, SIGNED_SUFFIX, decode_entry
from core.caches.protocol import BlobAt, CachePush, Completed, EntryName, Publication, Signer, StoredPackage
from core.caches.stored_layers import Named, OldLayer, the_ones_that_count
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, MirrordeckError, NotFound, PermissionDenied
from core.foundation.files import PIECE_BYTES
from core.packing.model import Codec, PackedPackage
from core.signing.clearsign import signed_text
from core.spack.specs import decode_node
from core.storage.folder import Folder


@dataclass(frozen=True, slots=True)
class OldPackage:
    """A package of layout 2. `key` is that of its spec file, `stored_bytes` the size of its archive. `problem` says why
    it cannot be migrated; then `entry` may be no more than a hash or the name of a file."""

    entry: EntryName
    key: str
    stored_bytes: int
    signed: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OldLayoutSize:
    """How many files layout 2 consists of, and what deleting them frees: those with a second name free nothing."""

    files: int
    freed_bytes: int


def old_packages(folder: Folder, token: CancelToken) -> list[OldPackage]:
    """What there is of layout 2. Every spec file is read, none of their signatures is checked.

    Packages that only the index has are there as well, with a problem. Raises what the folder raises.
    """
    layer = OldLayer(folder)
    by_key = {named.key: named for named in the_ones_that_count(layer.names())}
    packages = list(read_ahead(lambda key: _look(folder, by_key[key], token), list(by_key)))
    found = {named.entry.hash for named in by_key.values() if named.entry is not None}
    return [*packages, *_only_indexed(layer, found)]


def _look(folder: Folder, named: Named, token: CancelToken) -> OldPackage:
    token.raise_if_cancelled()
    key, signed = named.key, named.key.endswith(SIGNED_SUFFIX)
    try:
        old = decode_entry(folder.read(key, SPEC_LIMIT_BYTES), key, folder.where(key))
    except MirrordeckError as error:
        entry = named.entry or EntryName("", "", "")
        return OldPackage(replace(entry, name=entry.name or key), key, 0, signed, error.info().sentence())
    facts = folder.stat(old.archive_key)
    if facts is None:
        return OldPackage(old.entry, key, 0, signed, "Its archive is missing")
    return OldPackage(old.entry, key, facts.size, signed, NESTED if old.layout == 1 else "")


def _only_indexed(layer: OldLayer, found: Collection[str]) -> Iterator[OldPackage]:
    try:
        index = layer.index()
    except CacheError:
        return  # it is not needed
    for dag_hash, record in index.records.items() if index is not None else ():
        if record.in_buildcache and dag_hash not in found:
            with suppress(MirrordeckError):
                node = decode_node(record.document)
                if node.external is None:
                    entry = EntryName(node.name, node.version, dag_hash)
                    yield OldPackage(entry, "", 0, signed=False, problem="Its spec file is missing")


def old_layout_size(folder: Folder, token: CancelToken) -> OldLayoutSize:
    """Raises what the folder raises."""
    files = freed = 0
    for key in folder.list(OLD_PREFIX):
        token.raise_if_cancelled()
        files += 1
        with suppress(FileNotFoundError):
            facts = folder.path(key).lstat()
            freed += facts.st_size if facts.st_nlink == 1 else 0
    return OldLayoutSize(files, freed)


def delete_old_layout(folder: Folder) -> None:
    """The index first, so that nobody looks for what is going. Raises what the folder raises."""
    for key in (OLD_INDEX_HASH, OLD_INDEX):
        folder.delete(key)
    folder.delete_tree(OLD_PREFIX)


class LayoutMigration:
    """The `PackageCopy` of `packages`, by hash, from layout 2 of a folder to its layout 3.

    With a `signer` only packages whose signatures are good by `verify` are taken, and signed anew; without one
    signatures are neither checked nor kept.
    """

    byte_phases = 1

    def __init__(
        self,
        folder: Folder,
        push: CachePush,
        packages: Mapping[str, OldPackage],
        *,
        signer: Signer | None,
        verify: Verify,
    ) -> None:
        self._folder = folder
        self._layer = OldLayer(folder)
        self._push = push
        self._packages = packages
        self._signer = signer
        self._verify = verify

    def prepare(self, token: CancelToken) -> None:
        self._push.prepare(token)

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        return self._push.find(entry, token=token)

    def copy(self, entry: EntryName, *, token: CancelToken, progress: Progress, upload: NextPhase) -> str:  # noqa: ARG002
        stored = self._layer.package(self._packages[entry.hash].key)
        package = old_package(stored, self._text(stored), self._folder.where(stored.key))
        archive, name = package.stored.archive, package.stored.entry
        facts = self._folder.stat(archive.key)
        if facts is None:
            raise NotFound("A package cannot be migrated", f"{self._folder.where(archive.key)} is missing")
        record = records_of(package)[entry.hash]
        path = self._push.staging(entry)
        try:
            there = claim_blob(self._folder, archive.digest, facts.size)
            if not there:
                self._bring(archive, path, token, progress)
            packed = PackedPackage(path, archive.digest, "", facts.size, 0, 0, Codec.SPACK)
            publication = Publication(name, packed, package.document(facts.size), self._signer, record)
            self._push.upload(publication, token=token, progress=_ignore)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return "present" if there else ""

    def needs(self, dag_hash: str) -> Collection[str]:
        return self._push.needs(dag_hash)

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        return self._push.complete(dag_hash, token=token)

    def _text(self, stored: StoredPackage) -> bytes:
        if self._signer is None:
            return signed_text(stored.manifest) if stored.signed else stored.manifest
        if not stored.signed:
            raise CacheError("A package cannot be migrated", f"{self._folder.where(stored.key)} is not signed")
        return self._verify(stored.manifest)

    def _bring(self, archive: BlobAt, path: Path, token: CancelToken, progress: Progress) -> None:
        """The archive to `path`, where it has the right digest or is not used. What was made of it counts as new, so
        that no clean-up takes it before a manifest names it."""
        if not self._folder.link(archive.key, path):
            self._folder.save(archive.key, archive.digest, path, token=token, progress=progress)
            return
        linked, seen = path.relative_to(self._folder.root).as_posix(), hashlib.sha256()
        with self._folder.open(linked) as file:
            while piece := file.read(PIECE_BYTES):
                token.raise_if_cancelled()
                seen.update(piece)
                progress(len(piece))
        if f"sha256:{seen.hexdigest()}" != archive.digest:
            where = self._folder.where(archive.key)
            raise CacheError(f"Damaged: {where}", "Its content does not have the checksum in its spec file")
        with suppress(PermissionDenied):
            self._folder.touch(linked)


def _ignore(_count: int) -> None:
    """Bytes that were counted before."""
