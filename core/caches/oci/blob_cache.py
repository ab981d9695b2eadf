# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Manifests, configs and indexes that came over the wire once, kept by digest so that they need not come again."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of, hex_of, parse_digest
from core.foundation.errors import CacheError
from core.foundation.files import is_temporary, temporary_name
from core.registry.manifests import MANIFEST_LIMIT_BYTES, Descriptor, RawManifest, raw_manifest
from core.registry.repository import Repository

_LARGEST_KEPT_BYTES = 256 << 20
_KEPT_BYTES = 512 << 20
_STAYS = 0.9  # of that, when some of it is deleted


class BlobCache:
    """Files in `directory`, named by digest and believed only if their content has it; may be deleted at any time.

    `spack_blobs` is where Spack keeps its own downloads by digest; it is only read. Either may be None. Any thread,
    several processes. Trouble with the files is never an error: then the registry is asked.
    """

    def __init__(self, directory: Path | None, spack_blobs: Path | None = None) -> None:
        self._directory = directory
        self._readable = [place for place in (directory, spack_blobs) if place is not None]
        self._lock = threading.Lock()
        self._size: int | None = None  # bytes in `directory`, once it was looked through

    def manifest(
        self, repository: Repository, reference: str, token: CancelToken, *, expected: bool = False
    ) -> RawManifest | None:
        """The manifest of a tag or digest as it is now, None if there is none. Raises what the repository raises.

        Only its digest is asked for if its bytes are known, which many registries do not count as a pull. `expected`
        says that the tag was just listed.
        """
        digest = reference if ":" in reference else repository.manifest_digest(reference, token)
        if digest is None and not expected:
            return None
        data = self.known(digest, MANIFEST_LIMIT_BYTES) if digest is not None else None
        if data is not None:
            with suppress(CacheError):
                return raw_manifest(data, "", f"the manifest {digest}")
        raw = repository.manifest(reference, token, expected=expected)
        if raw is not None:
            self.keep(raw.data)
        return raw

    def read(self, repository: Repository, part: Descriptor, limit: int, token: CancelToken) -> bytes:
        """The bytes of a blob, verified. Raises CacheError if it is over `limit`, and what the repository raises."""
        if part.size > limit:
            raise CacheError(f"Cannot read {part.digest}", f"It is said to have {part.size:,} bytes, over {limit:,}")
        data = self.known(part.digest, part.size)
        if data is None:
            data = repository.read_blob(part.digest, part.size, token)
            self.keep(data)
        return data

    def known(self, digest: str, limit: int) -> bytes | None:
        """The bytes with that digest if they are here."""
        name = hex_of(parse_digest(digest))
        for place in self._readable:
            with suppress(OSError):
                with (place / name).open("rb") as file:
                    data = file.read(limit + 1)
                if len(data) <= limit and digest_of(data) == digest:
                    return data
        return None

    def file(self, digest: str, size: int) -> Path | None:
        """A file with the bytes of a large blob, if it is here."""
        name = hex_of(parse_digest(digest))
        for place in self._readable:
            with suppress(OSError), (place / name).open("rb") as file:
                if os.fstat(file.fileno()).st_size == size and hashlib.file_digest(file, "sha256").hexdigest() == name:
                    return place / name
        return None

    def keep(self, data: bytes) -> None:
        """Put a file in place, complete or not at all. It is not flushed: a damaged one is noticed when it is read."""
        if self._directory is None or len(data) > _LARGEST_KEPT_BYTES:
            return
        temporary = self._directory / temporary_name("blob")
        with suppress(OSError):
            try:
                self._directory.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(data)
                temporary.replace(self._directory / hex_of(digest_of(data)))
                self._count(len(data))
            finally:
                temporary.unlink(missing_ok=True)

    def keep_file(self, path: Path, digest: str, size: int) -> None:
        """`keep` for bytes that are in a file, which is moved away where that can be done."""
        if self._directory is None or size > _LARGEST_KEPT_BYTES:
            return
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            path.replace(self._directory / hex_of(digest))
            self._count(size)

    def prune(self, limit_bytes: int = _KEPT_BYTES) -> None:
        """Delete the oldest files if all together have more than `limit_bytes`.

        The directory is looked through once, and when what was kept here since then may be too much: it may hold a
        hundred thousand files.
        """
        if self._directory is None:
            return
        with self._lock:
            if self._size is not None and self._size <= limit_bytes:
                return
            with suppress(OSError):
                self._size = _total_bytes(self._directory)
                if self._size > limit_bytes:
                    self._size = _drop_oldest(self._directory, int(limit_bytes * _STAYS))

    def _count(self, size: int) -> None:
        with self._lock:
            if self._size is not None:
                self._size += size


def _total_bytes(directory: Path) -> int:
    with os.scandir(directory) as listing:
        return sum(entry.stat().st_size for entry in listing if _ours(entry))


def _drop_oldest(directory: Path, limit_bytes: int) -> int:
    """Returns how many bytes stay, at most `limit_bytes`."""
    with os.scandir(directory) as listing:
        found = [(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in listing if _ours(entry)]
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit_bytes:
            break
        Path(path).unlink(missing_ok=True)
        total -= size
    return total


def _ours(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False) and not is_temporary(entry.name)
