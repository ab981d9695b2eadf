# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tar headers with normalised metadata, equal to those of Python's `tarfile` in its pax format.

Most names in an install tree are longer than 100 bytes, so the pax `path` record is part of the fast path. Names
outside ASCII and sizes of 8 GiB and more are left to `tarfile` itself.
"""

from __future__ import annotations

import functools
import tarfile

BLOCK = 512
RECORD = 10240
_LONGEST = 100
_LARGEST = 8**11
_OWNER = b"0000000\x00" * 2
_MTIME = b"00000000000\x00"
_TAIL = b"ustar\x0000".ljust(BLOCK - 257, b"\x00")
_BLANK_CHECKSUM = 8 * ord(" ")
_NO_LINK = bytes(_LONGEST) + _TAIL
_PAX_NAME = b"././@PaxHeader"


def tar_header(kind: bytes, name: str, mode: int, size: int = 0, link: str = "") -> bytes:
    """Header of one member, with a pax header before it where needed. `kind` is one of tarfile's type bytes.

    `name` ends in `/` for directories. Names hold undecodable bytes as surrogate escapes.
    """
    try:
        raw_name, raw_link = name.encode("ascii"), link.encode("ascii")
    except UnicodeEncodeError:
        return _tarfile_header(kind, name, mode, size, link)
    if size >= _LARGEST:
        return _tarfile_header(kind, name, mode, size, link)
    records = b""
    if len(raw_name) > _LONGEST:
        records = _pax_record(b"path", raw_name)
        raw_name = raw_name[:_LONGEST]
    if len(raw_link) > _LONGEST:
        records += _pax_record(b"linkpath", raw_link)
        raw_link = raw_link[:_LONGEST]
    header = _ustar_block(kind, raw_name, mode, size, raw_link)
    if not records:
        return header
    return _pax_block(len(records)) + records + bytes(-len(records) % BLOCK) + header


def padding(size: int) -> bytes:
    """Zeros that fill up the last 512-byte block of `size` bytes of content."""
    return bytes(-size % BLOCK)


def trailer(tar_bytes: int) -> bytes:
    """The end of an archive that is `tar_bytes` long so far: two empty blocks, filled up to a whole record."""
    return bytes(2 * BLOCK + -(tar_bytes + 2 * BLOCK) % RECORD)


@functools.lru_cache(maxsize=1024)
def _pax_block(size: int) -> bytes:
    return _ustar_block(tarfile.XHDTYPE, _PAX_NAME, 0, size, b"")


def _ustar_block(kind: bytes, name: bytes, mode: int, size: int, link: bytes) -> bytes:
    owned, checksum = _owned(kind, mode)
    length = b"%011o\x00" % size
    checksum += sum(name) + sum(length)
    end = _NO_LINK
    if link:
        checksum += sum(link)
        end = link.ljust(_LONGEST, b"\x00") + _TAIL
    return b"%b%b%b%b%06o\x00 %b%b" % (name.ljust(_LONGEST, b"\x00"), owned, length, _MTIME, checksum, kind, end)


@functools.lru_cache(maxsize=32)
def _owned(kind: bytes, mode: int) -> tuple[bytes, int]:
    """The fields for mode and owner, and the checksum of everything but name, size and link."""
    owned = b"%07o\x00" % mode + _OWNER
    return owned, sum(owned) + sum(_MTIME) + sum(kind) + sum(_TAIL) + _BLANK_CHECKSUM


def _pax_record(keyword: bytes, value: bytes) -> bytes:
    """`<length> <keyword>=<value>\\n`, where the length counts its own digits (POSIX.1-2001, pax)."""
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, keyword, value)


def _tarfile_header(kind: bytes, name: str, mode: int, size: int, link: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = mode
    info.size = size
    info.linkname = link
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
