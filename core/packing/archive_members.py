# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an archive of a package holds, read once from the first byte to the last, whoever wrote it.

Archives come from other people: nothing in them is trusted, and no header makes this read more than a little at once.
All forms that were ever in use are understood: a compressed tar; one that is not compressed; a plain tar around a
compressed one (Spack before 0.20). Names are taken relative to the directory above `.spack`, with or without a slash in
front.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Protocol, cast

from core.foundation.errors import CacheError
from core.foundation.files import PIECE_BYTES
from core.foundation.text import visible

MARKER = ".spack/binary_distribution"
MOST_MEMBERS = 2_000_000
_BLOCK = tarfile.BLOCKSIZE
_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_HEADER = 1 << 20
_LONG_NAMES = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}


class Source(Protocol):
    def read(self, count: int, /) -> bytes: ...


class MemberKind(StrEnum):
    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard-link"
    OTHER = "other"  # devices and the like, which do not belong there


@dataclass(frozen=True, slots=True)
class Member:
    """`path` as it stands in the archive, without slashes around it; `link` is the target of links."""

    path: str
    kind: MemberKind
    size: int
    executable: bool
    link: str = ""


class Content:
    """The bytes of the member that was just read. One thread."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, count: int, /) -> bytes:
        """Up to `count` bytes, b"" at the end."""
        if not self._left:
            return b""
        data = self._file.read(min(count, self._left))
        if not data:
            raise CacheError("The archive is damaged", "It ends in the middle of a file")
        self._left -= len(data)
        return data

    def skip(self) -> None:
        while self.read(PIECE_BYTES):
            pass


def read_members(source: Source) -> Iterator[tuple[Member, Content]]:
    """Members in their order; a content can be read until the next member is asked for.

    Raises CacheError for what is no archive, is damaged or unreasonable, and whatever the source raises.
    """
    try:
        file = _unpacked(_buffered(source))
        nested = False
        for count, (member, content) in enumerate(_members(file), start=1):
            if count > MOST_MEMBERS:
                raise CacheError("The archive cannot be read", f"It has more than {MOST_MEMBERS:,} members")
            if count == 1 and member.path.endswith((".tar.gz", ".spec.json", ".spec.yaml", ".spec.json.sig")):
                nested = "/" not in member.path
            if not nested:
                yield member, content
            elif member.path.endswith(".tar.gz"):
                yield from _members(_unpacked(_buffered(content)))
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, ValueError) as error:
        raise CacheError("The archive is damaged", visible(str(error))) from error


def prefix_of(paths: list[str]) -> str:
    """The directory that was the installed prefix: the one whose `.spack` holds the facts about it.

    Of several the shortest counts, as with Spack. Raises CacheError if there is none.
    """
    marked = [path.removesuffix(MARKER).rstrip("/") for path in paths if path == MARKER or path.endswith(f"/{MARKER}")]
    if not marked:
        raise CacheError("This is not the archive of a package", f"It has no {MARKER}")
    return min(marked, key=len)


def _members(file: IO[bytes]) -> Iterator[tuple[Member, Content]]:
    extended: dict[str, str] = {}
    while (header := _header(file)) is not None:
        if header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *_LONG_NAMES):
            data = _small(file, header.size)
            if header.type in _LONG_NAMES:
                extended[_LONG_NAMES[header.type]] = _text(data.rstrip(b"\0"))
            elif header.type != tarfile.XGLTYPE:
                extended |= _records(data)
            continue
        member = _member(header, extended)
        extended = {}
        content = Content(file, member.size)
        yield member, content
        content.skip()
        Content(file, -member.size % _BLOCK).skip()


def _header(file: IO[bytes]) -> tarfile.TarInfo | None:
    """The next header, None at the end of the archive."""
    block = file.read(_BLOCK)
    if not block:
        return None  # some writers leave out the empty blocks
    if len(block) < _BLOCK:
        raise CacheError("The archive is damaged", "It ends in the middle of a header")
    if not block.strip(b"\0"):
        return None
    return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")


def _member(header: tarfile.TarInfo, extended: dict[str, str]) -> Member:
    path = extended.get("path", header.name)
    size = int(extended.get("size", header.size))
    kind = MemberKind.OTHER
    if header.type in tarfile.REGULAR_TYPES and header.type != tarfile.GNUTYPE_SPARSE:
        kind = MemberKind.DIRECTORY if path.endswith("/") else MemberKind.FILE
    elif header.isdir():
        kind = MemberKind.DIRECTORY
    elif header.issym() or header.islnk():
        kind = MemberKind.SYMLINK if header.issym() else MemberKind.HARD_LINK
    if size < 0:
        raise CacheError("The archive is damaged", "A size is negative")
    holds_data = kind in (MemberKind.FILE, MemberKind.OTHER)
    link = extended.get("linkpath", header.linkname) if kind in (MemberKind.SYMLINK, MemberKind.HARD_LINK) else ""
    return Member(_plain(path), kind, size if holds_data else 0, bool(header.mode & 0o100), link)


def _plain(path: str) -> str:
    """Without slashes around it and a dot in front."""
    path = path.strip("/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def _small(file: IO[bytes], size: int) -> bytes:
    """The data of a header that belongs to the next member."""
    if not 0 <= size <= _LONGEST_HEADER:
        raise CacheError("The archive cannot be read", f"It has a header of {size:,} bytes")
    data = file.read(size)
    Content(file, -size % _BLOCK).skip()
    if len(data) < size:
        raise CacheError("The archive is damaged", "It ends in the middle of a header")
    return data


def _records(data: bytes) -> dict[str, str]:
    """The records of a pax header (POSIX.1-2001): `<length> <keyword>=<value>\\n`."""
    found: dict[str, str] = {}
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or not 5 <= int(length) <= len(data):
            raise CacheError("The archive is damaged", "A header cannot be understood")
        record, data = data[len(length) + 1 : int(length) - 1], data[int(length) :]
        keyword, _, value = record.partition(b"=")
        found[_text(keyword)] = _text(value)
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _buffered(source: Source) -> io.BufferedReader:
    return io.BufferedReader(_Raw(source), PIECE_BYTES)


def _unpacked(file: io.BufferedReader) -> IO[bytes]:
    if file.peek(2)[:2] == _GZIP_MAGIC:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))
    return file


class _Raw(io.RawIOBase):
    """A source in the form that Python's readers take."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
