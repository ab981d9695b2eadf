# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An installed prefix becomes an archive, in one pass over its files."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import from_os_error
from core.packing.blocks import BlockPool, BlockWriter
from core.packing.buildinfo import buildinfo
from core.packing.codecs import BLOCK_BYTES
from core.packing.headers import padding, tar_header, trailer
from core.packing.model import Codec, PackedPackage, PackSource, Relocation
from core.packing.relocation import (
    SMALLEST,
    LiteralSearch,
    StorePaths,
    is_object_file,
    is_relocatable_text,
    is_relocatable_text_file,
)
from core.packing.walk import (
    BUILDINFO,
    Entry,
    EntryKind,
    changed,
    check_directory,
    fingerprint_of,
    read_failure,
    walk,
)

_PRIVATE = ".spack/"
_EXECUTABLE = 0o755
_PLAIN = 0o644
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A block of each thread that packs, from one package to the next: new memory costs more than what a small one holds.
_spare = threading.local()
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def _ignore(_size: int) -> None:
    pass


def pack(
    source: PackSource,
    target: Path,
    codec: Codec,
    *,
    token: CancelToken,
    progress: Callable[[int], None] = _ignore,
    written: Callable[[int], None] = _ignore,
    pool: BlockPool | None = None,
    entries: Iterable[Entry] | None = None,
) -> PackedPackage:
    """Write the archive of one package to `target`, as Spack 1.1 would (seen in its output). Any thread.

    `entries` are those of a `walk` through the source that has only just begun; without them it is walked here.

    `progress` gets the tar bytes done since its last call, from the calling thread; `written` how many
    bytes of the archive are in the file, which stay as they are. The same tree and codec give the
    same bytes with every `pool` and without one. Sockets, pipes and devices are left out with a warning.

    Raises Cancelled; NotInstalled when there is no prefix; PackageChanged when files changed or vanished while they
    were read; PermissionDenied, NoSpace or StorageFailed. Nothing is left at `target` then.
    """
    title = f"{source.prefix} was not packed"
    try:
        descriptor = os.open(target, _WRITE, 0o666)
    except OSError as error:
        raise from_os_error(error, title, target) from error
    try:
        with os.fdopen(descriptor, "wb", buffering=0):
            writer = BlockWriter(descriptor, codec, pool=pool, token=token, progress=progress, written=written)
            try:
                return _Packing(source, writer).run(entries or walk(source.source), target, codec)
            finally:
                writer.abandon()
    except BaseException as error:
        with suppress(OSError):
            target.unlink()
        if isinstance(error, OSError):
            raise from_os_error(error, title, target) from error
        raise


class _Packing:
    """One run of `pack`: fills blocks with headers and contents and decides about relocation on the way.

    An OSError that leaves its methods comes from writing; those from reading are mapped where they happen.
    """

    def __init__(self, source: PackSource, writer: BlockWriter) -> None:
        self._top = os.fspath(source.source)
        self._source = source
        self._name = source.prefix.strip("/")
        self._paths = StorePaths([*(path for _, path in source.hash_to_prefix), source.sbang, source.install_root])
        self._writer = writer
        self._block: bytearray = _spare.__dict__.pop("block", None) or bytearray(BLOCK_BYTES)
        self._view = memoryview(self._block)
        self._used = 0
        self._binaries: list[str] = []
        self._links: list[str] = []
        self._textfiles: list[str] = []
        self._warnings: list[str] = []
        self._directories: list[Entry] = []
        self._files = 0

    def run(self, entries: Iterable[Entry], target: Path, codec: Codec) -> PackedPackage:
        self._write(_headers_down_to(self._name.rpartition("/")[0]))
        for entry in entries:
            self._add(entry)
        for directory in self._directories:
            check_directory(self._top, directory)
        relocation = Relocation(tuple(self._binaries), tuple(self._links), tuple(self._textfiles))
        description = buildinfo(self._source, relocation)
        header = tar_header(tarfile.REGTYPE, f"{self._name}/{BUILDINFO}", _PLAIN, len(description))
        self._write(header + description + padding(len(description)))
        self._write(trailer(self._writer.tar_bytes + self._used))
        if self._used:
            self._writer.put(self._block, self._used)
        diff_id, digest = self._writer.finish()
        _spare.block = self._block
        return PackedPackage(
            path=target,
            digest=digest,
            diff_id=diff_id,
            stored_bytes=self._writer.stored_bytes,
            tar_bytes=self._writer.tar_bytes,
            files=self._files,
            codec=codec,
            warnings=tuple(self._warnings),
        )

    def _add(self, entry: Entry) -> None:
        name = f"{self._name}/{entry.path}" if entry.path else self._name
        match entry.kind:
            case EntryKind.FILE:
                self._add_file(entry, name)
            case EntryKind.DIRECTORY:
                self._write(tar_header(tarfile.DIRTYPE, f"{name}/", _EXECUTABLE))
                self._directories.append(entry)
                return
            case EntryKind.SPECIAL:
                self._warnings.append(f"{self._top}/{entry.path} is no file, link or directory and was left out")
                return
            case EntryKind.SYMLINK:
                self._write(tar_header(tarfile.SYMTYPE, name, _EXECUTABLE, link=entry.link))
                if not entry.path.startswith(_PRIVATE) and self._paths.begins(entry.link):
                    self._links.append(entry.path)
            case EntryKind.HARD_LINK:
                self._write(tar_header(tarfile.LNKTYPE, name, _mode(entry), link=f"{self._name}/{entry.link}"))
        self._files += 1

    def _add_file(self, entry: Entry, name: str) -> None:
        size = entry.fingerprint.size
        header = tar_header(tarfile.REGTYPE, name, _mode(entry), size)
        try:
            descriptor = os.open(f"{self._top}/{entry.path}", _READ)
        except OSError as error:
            raise read_failure(error, self._top, entry.path) from error
        try:
            self._write(header)
            if size <= BLOCK_BYTES - self._used:
                self._fill(entry, descriptor, size)
                self._judge_in_block(entry, size)
            else:
                self._stream(entry, descriptor, size)
            # Only now: it must be the file that was seen, and have stayed the same until its last byte was read.
            if fingerprint_of(os.fstat(descriptor)) != entry.fingerprint:
                raise changed(self._top, entry.path)
        finally:
            os.close(descriptor)
        self._write(padding(size))

    def _judge_in_block(self, entry: Entry, size: int) -> None:
        if size < SMALLEST or entry.path.startswith(_PRIVATE):
            return
        start, end = self._used - size, self._used
        if is_object_file(self._block[start : start + SMALLEST]):
            self._binaries.append(entry.path)
        elif is_relocatable_text(self._block, start, end, self._paths):
            self._textfiles.append(entry.path)

    def _stream(self, entry: Entry, descriptor: int, size: int) -> None:
        """A file that does not fit into the current block."""
        object_file, search = self._look_ahead(entry, descriptor, size)
        left = size
        while left:
            if self._used == BLOCK_BYTES:
                self._next_block()
            count = min(left, BLOCK_BYTES - self._used)
            self._fill(entry, descriptor, count)
            if search is not None:
                search.feed(self._block, self._used - count, self._used)
            left -= count
        if object_file:
            self._binaries.append(entry.path)
        elif search is not None and search.found:
            try:
                if is_relocatable_text_file(descriptor, size, self._paths):
                    self._textfiles.append(entry.path)
            except OSError as error:
                raise read_failure(error, self._top, entry.path) from error

    def _look_ahead(self, entry: Entry, descriptor: int, size: int) -> tuple[bool, LiteralSearch | None]:
        if size < SMALLEST or entry.path.startswith(_PRIVATE):
            return False, None
        try:
            head = os.pread(descriptor, SMALLEST, 0)
        except OSError as error:
            raise read_failure(error, self._top, entry.path) from error
        return (True, None) if is_object_file(head) else (False, LiteralSearch(self._paths))

    def _fill(self, entry: Entry, descriptor: int, count: int) -> None:
        """Read `count` bytes into the current block, which has room for them."""
        end = self._used + count
        while self._used < end:
            try:
                got = os.readv(descriptor, [self._view[self._used : end]])
            except OSError as error:
                raise read_failure(error, self._top, entry.path) from error
            if not got:
                raise changed(self._top, entry.path)
            self._used += got

    def _write(self, data: bytes) -> None:
        end = self._used + len(data)
        if end <= BLOCK_BYTES:
            self._block[self._used : end] = data
            self._used = end
            return
        room = BLOCK_BYTES - self._used
        self._block[self._used :] = data[:room]
        self._used = BLOCK_BYTES
        self._next_block()
        self._write(data[room:])

    def _next_block(self) -> None:
        self._block = self._writer.put(self._block, self._used)
        self._view = memoryview(self._block)
        self._used = 0


@lru_cache(maxsize=64)
def _headers_down_to(directory: str) -> bytes:
    """Members for a directory and all above it; packages of a store have most of them in common."""
    names = [part for part in directory.split("/") if part]
    paths = ("/".join(names[:count]) for count in range(1, len(names) + 1))
    return b"".join(tar_header(tarfile.DIRTYPE, f"{path}/", _EXECUTABLE) for path in paths)


def _mode(entry: Entry) -> int:
    return _EXECUTABLE if entry.executable else _PLAIN
