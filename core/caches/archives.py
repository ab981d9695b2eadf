# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking into the archives of a cache without installing anything. They are read as they come, and only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from core.caches.protocol import ReadableCache, StoredPackage
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError
from core.foundation.files import PIECE_BYTES
from core.packing.archive_members import Member, prefix_of, read_members
from core.packing.unpack import Unpacked, unpack
from core.storage.reading import ByteReader


@dataclass(frozen=True, slots=True)
class ArchiveListing:
    """What an archive holds, in its order. Paths are relative to `prefix`, where the package was installed when it was
    packed (without the leading slash); what lies above or beside it is left out."""

    prefix: str
    members: tuple[Member, ...]


def list_archive(cache: ReadableCache, package: StoredPackage, *, token: CancelToken) -> ArchiveListing:
    """The files in the archive of a package. Raises CacheError if it is damaged, NotFound if it is not there, and what
    the cache raises."""
    with cache.open_blob(package.archive, token=token) as reader:
        source = _Hashing(reader, token)
        members = [member for member, _ in read_members(source)]
        source.check(package)
    prefix = prefix_of([member.path for member in members])
    above = f"{prefix}/" if prefix else ""
    inside = (member for member in members if member.path.startswith(above) and member.path != above)
    return ArchiveListing(
        prefix, tuple(replace(member, path=member.path.removeprefix(above)) for member in inside if member.path)
    )


def unpack_archive(
    cache: ReadableCache,
    package: StoredPackage,
    target: Path,
    *,
    token: CancelToken,
    progress: Callable[[int], None],
) -> Unpacked:
    """Unpack the archive of a package as the new directory `target`, to be looked at; see `unpack`."""
    with cache.open_blob(package.archive, token=token) as reader:
        source = _Hashing(reader, token)
        return unpack(source, target, check=lambda: source.check(package), token=token, progress=progress)


class _Hashing:
    """A reader that knows the digest of what it read."""

    def __init__(self, reader: ByteReader, token: CancelToken) -> None:
        self._reader = reader
        self._token = token
        self._seen = hashlib.sha256()

    def read(self, count: int, /) -> bytes:
        self._token.raise_if_cancelled()
        data = self._reader.read(count)
        self._seen.update(data)
        return data

    def check(self, package: StoredPackage) -> None:
        """Raise CacheError unless the whole blob, read to its end, is the one that the manifest names."""
        while self.read(PIECE_BYTES):
            pass
        if f"sha256:{self._seen.hexdigest()}" != package.archive.digest:
            entry = package.entry
            title = f"The archive of {entry.name}@{entry.version} is damaged"
            raise CacheError(title, f"It does not have the digest {package.archive.digest}")
