# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an image has to say about a package's archive, found out by reading it once."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from core.caches.oci.environment import PREFIX_INSPECTIONS
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError
from core.foundation.files import PIECE_BYTES
from core.storage.reading import ByteReader

# Where a prefix has the buildinfo of the archive it was unpacked from.
BUILDINFO = "/.spack/binary_distribution"
_MOST_MEMBERS = 20_000_000
_DIRECTORIES = frozenset(PREFIX_INSPECTIONS) | {"bin64"}


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """`digest` and `stored_bytes` are of the archive as stored, `diff_id` and `tar_bytes` of the tar in it.

    `prefix` is where the package was installed, `directories` are those below it that variables of an image lead to;
    `buildinfo` is the digest of what the archive says about itself.
    """

    digest: str
    stored_bytes: int
    diff_id: str
    tar_bytes: int
    prefix: str
    directories: frozenset[str]
    buildinfo: str


def read_archive(
    source: ByteReader, where: str, *, token: CancelToken, progress: Callable[[int], None]
) -> ArchiveFacts:
    """Read an archive of layout 3 to its end. `progress` gets stored bytes since its last call.

    Raises CacheError naming `where` if it is none, what reading raises, and Cancelled.
    """
    stored = _Counted(source, token, progress)
    try:
        with gzip.GzipFile(fileobj=cast(BinaryIO, stored), mode="rb") as unpacked:
            tar = _Counted(cast(ByteReader, unpacked), token, _ignore)
            directories, prefix, buildinfo = _walk(tar)
            while tar.read(PIECE_BYTES):
                pass
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, UnicodeError) as error:
        raise CacheError(f"Cannot understand the archive {where}", str(error)) from error
    if not prefix or not prefix.isprintable():
        raise CacheError(f"Cannot understand the archive {where}", "It does not say where its package was installed")
    found = frozenset(path for name in _DIRECTORIES if (path := f"{prefix}/{name}".rstrip("/")) in directories)
    return ArchiveFacts(stored.digest, stored.done, tar.digest, tar.done, prefix, found, buildinfo)


def _walk(tar: _Counted) -> tuple[set[str], str, str]:
    """Directories that may matter, the prefix, and the digest of its buildinfo."""
    directories: set[str] = set()
    prefix = buildinfo = ""
    with tarfile.open(fileobj=cast(BinaryIO, tar), mode="r|", bufsize=PIECE_BYTES) as members:
        for number, member in enumerate(members):
            name = "/" + member.name.strip("/")
            if member.isdir():
                directories.add(name)
            elif name.endswith(BUILDINFO) and member.isfile() and not member.issparse():  # holes cost nothing to claim
                content = cast(io.BufferedReader, members.extractfile(member))
                prefix = name.removesuffix(BUILDINFO)
                buildinfo = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
            members.members = []  # type: ignore[attr-defined]  # it would keep them all
            if number > _MOST_MEMBERS:
                raise tarfile.ReadError("It has too many members")
    return directories, prefix, buildinfo


class _Counted:
    """Bytes on their way through, counted and hashed."""

    def __init__(self, source: ByteReader, token: CancelToken, progress: Callable[[int], None]) -> None:
        self._source = source
        self._token = token
        self._progress = progress
        self._seen = hashlib.sha256()
        self.done = 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._seen.hexdigest()}"

    def read(self, count: int = PIECE_BYTES) -> bytes:
        self._token.raise_if_cancelled()
        piece = self._source.read(count)
        self._seen.update(piece)
        self.done += len(piece)
        self._progress(len(piece))
        return piece


def _ignore(_count: int) -> None:
    """Only stored bytes are told."""
