# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fewer layers for images of many packages: several archives become one, without unpacking anything to the disk."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.caches.oci.layers import Layer
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, from_os_error
from core.packing.blocks import BlockPool, BlockWriter
from core.packing.codecs import BLOCK_BYTES
from core.packing.headers import BLOCK, padding, trailer
from core.packing.model import Codec

# What Linux' overlay file system and container tools agree on.
LAYER_LIMIT = 127

_SIZE = slice(124, 136)
_KIND = slice(156, 157)
_EMPTY = bytes(BLOCK)
_DIRECTORY = tarfile.DIRTYPE
_EXTENSIONS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})


def too_many_layers(image: str, count: int) -> ErrorInfo | None:
    """A warning if `count` layers are more than container tools run."""
    if count <= LAYER_LIMIT:
        return None
    return ErrorInfo(
        "too-many-layers",
        f"{image} will have {count} layers",
        f"container tools cannot run images with more than {LAYER_LIMIT}; Spack installs from it all the same",
        ("Squash it: several packages then share a layer.",),
    )


def group_layers(sizes: Sequence[int], count: int) -> list[range]:
    """At most `count` groups of neighbours, of about the same size each, in the same order."""
    total = max(1, sum(sizes))
    groups: list[list[int]] = [[] for _ in range(count)]
    before = 0
    for position, size in enumerate(sizes):
        groups[min(count - 1, before * count // total)].append(position)
        before += size
    return [range(group[0], group[-1] + 1) for group in groups if group]


def squash(
    archives: Sequence[Callable[[], BinaryIO]],
    target: Path,
    codec: Codec,
    *,
    token: CancelToken,
    progress: Callable[[int], None],
    pool: BlockPool | None = None,
) -> Layer:
    """Write one archive to `target` with everything in `archives` (gzip-compressed tars), in their order. Any thread.

    Directories they share are written once. The same archives and codec give the same bytes. `progress` gets tar bytes
    done. Raises CacheError for what is no such archive, Cancelled, or what the file system raises, leaving nothing.
    """
    title = f"{target.name} was not made"
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb", buffering=0):
            writer = BlockWriter(descriptor, codec, pool=pool, token=token, progress=progress)
            try:
                return _Squashing(writer).run(archives)
            finally:
                writer.abandon()
    except BaseException as error:
        with suppress(OSError):
            target.unlink()
        if isinstance(error, (zlib.error, EOFError, gzip.BadGzipFile)):
            raise CacheError(title, f"A layer is no gzip-compressed archive: {error}") from error
        if isinstance(error, OSError):
            raise from_os_error(error, title, target) from error
        raise


class _Squashing:
    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self._block = bytearray(BLOCK_BYTES)
        self._used = 0
        self._directories: set[bytes] = set()

    def run(self, archives: Sequence[Callable[[], BinaryIO]]) -> Layer:
        for open_archive in archives:
            with open_archive() as stored, gzip.GzipFile(fileobj=stored) as tar:
                self._copy_members(tar)
        self._put(trailer(self._writer.tar_bytes + self._used))
        if self._used:
            self._writer.put(self._block, self._used)
        diff_id, digest = self._writer.finish()
        return Layer(digest, self._writer.stored_bytes, diff_id)

    def _copy_members(self, tar: gzip.GzipFile) -> None:
        extended = False
        while (header := _exactly(tar, BLOCK)) != _EMPTY:
            kind = header[_KIND]
            size = _size(header)
            # A header alone names a directory only if no extension before it does.
            if kind == _DIRECTORY and not extended:
                if header in self._directories:
                    continue
                self._directories.add(header)
            extended = kind in _EXTENSIONS
            self._put(header)
            left = size + len(padding(size))
            while left:
                piece = _exactly(tar, min(left, BLOCK_BYTES))
                self._put(piece)
                left -= len(piece)

    def _put(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            if self._used == BLOCK_BYTES:
                self._block = self._writer.put(self._block, self._used)
                self._used = 0
            count = min(len(data) - done, BLOCK_BYTES - self._used)
            self._block[self._used : self._used + count] = data[done : done + count]
            self._used += count
            done += count


def _exactly(tar: gzip.GzipFile, count: int) -> bytes:
    data = tar.read(count)
    if len(data) != count:
        raise EOFError("it ends too early")
    return data


def _size(header: bytes) -> int:
    try:
        size = tarfile.nti(header[_SIZE])  # type: ignore[attr-defined]
    except tarfile.HeaderError as error:
        raise EOFError(str(error)) from error
    if size < 0:
        raise EOFError("it holds a file of negative size")
    return int(size)
