# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which files Spack must rewrite when it installs an archive elsewhere (Spack 1.1, seen in its output).

Object files are listed always, text files when a store path stands alone in them, absolute links when they lead into
the store. A store path stands alone when the word characters in front of it are not preceded by a slash: `-I/opt/x` and
`x/opt/x` count, `/y/opt/x` and `file:///opt/x` do not. What comes behind it never matters, so it is enough to look for
those store paths that do not begin with another one.
"""

from __future__ import annotations

import codecs
import os
import re
import string
from collections.abc import Iterable

SMALLEST = 8
_ELF = b"\x7fELF"
_MACH_O = frozenset(bytes.fromhex(magic) for magic in ("cffaedfe", "cefaedfe", "feedfacf", "feedface"))
_FAT_MACH_O = frozenset((bytes.fromhex("cafebabe"), bytes.fromhex("bebafeca")))
_MOST_ARCHITECTURES = 10
_WORD = (string.ascii_letters + string.digits + "_-").encode()
_WORD_CODES = frozenset(_WORD)
_SLASH = ord("/")
_NOT_LATIN_1 = re.compile(rb"[\x00\x7f-\x9f]")
_PIECE = 256 << 10

Data = bytes | bytearray


def is_object_file(head: Data) -> bool:
    """True for ELF and Mach-O files by their first eight bytes (a fat Mach-O shares its magic with Java classes)."""
    magic = bytes(head[:4])
    if magic in _FAT_MACH_O:
        return int.from_bytes(head[4:8], "big") < _MOST_ARCHITECTURES
    return magic == _ELF or magic in _MACH_O


class StorePaths:
    """The paths to look for. Immutable, may be used by several threads at once."""

    def __init__(self, paths: Iterable[str]) -> None:
        needles: list[bytes] = []
        for path in sorted({os.fsencode(path) for path in paths}):
            if not needles or not path.startswith(needles[-1]):
                needles.append(path)
        self._needles = tuple(needles)
        self.overlap = max(map(len, needles), default=1) - 1

    def begins(self, target: str) -> bool:
        """Whether a link with this target must be listed."""
        return os.fsencode(target).startswith(self._needles)

    def occur_in(self, data: Data, start: int, end: int) -> bool:
        """Whether any path occurs literally in `data[start:end]`."""
        return any(data.find(needle, start, end) >= 0 for needle in self._needles)

    def stand_alone_in(self, data: Data, start: int, end: int, *, context: int = 0) -> bool:
        """Whether any path stands alone in `data[start:end]`, the beginning of a file.

        The first `context` bytes only tell what is in front of the others; no path begins there.
        """
        for needle in self._needles:
            at = data.find(needle, start + context, end)
            while at >= 0:
                if not _behind_slash(data, start, at):
                    return True
                at = data.find(needle, at + 1, end)
        return False


class LiteralSearch:
    """Looks for store paths in a file that passes by in pieces. `found` is final once the last piece was fed."""

    def __init__(self, paths: StorePaths) -> None:
        self.found = False
        self._paths = paths
        self._tail = b""

    def feed(self, data: bytearray, start: int, end: int) -> None:
        """The next piece is `data[start:end]`."""
        if self.found:
            return
        overlap = self._paths.overlap
        border = self._tail + data[start : min(start + overlap, end)]
        self.found = self._paths.occur_in(border, 0, len(border)) or self._paths.occur_in(data, start, end)
        self._tail = (self._tail + data[max(start, end - overlap) : end])[-overlap:]


def is_relocatable_text(data: bytearray, start: int, end: int, paths: StorePaths) -> bool:
    """Decide about a file that is in memory as `data[start:end]`."""
    return paths.stand_alone_in(data, start, end) and _is_text(data[start:end])


def is_relocatable_text_file(descriptor: int, size: int, paths: StorePaths) -> bool:
    """The same for an open file of any size, in bounded memory. Raises OSError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, latin1, found = True, True, False
    before = b" "
    position = 0
    while position < size:
        piece = os.pread(descriptor, min(_PIECE, size - position), position)
        if not piece:
            break
        position += len(piece)
        utf8 = utf8 and _decodes(decoder, piece, position == size)
        latin1 = latin1 and _NOT_LATIN_1.search(piece) is None
        if not utf8 and not latin1:
            return False
        if not found:
            window = before + piece
            found = paths.stand_alone_in(window, 0, len(window), context=1)
            before = _carried(window, paths.overlap)
    return found


def _behind_slash(data: Data, start: int, at: int) -> bool:
    at -= 1
    while at >= start and data[at] in _WORD_CODES:
        at -= 1
    return at >= start and data[at] == _SLASH


def _carried(window: bytes, overlap: int) -> bytes:
    """What the next window must know of this one: its last bytes, behind one byte that stands for all before them."""
    cut = max(len(window) - overlap, 0)
    lead = b"/" if window[:cut].rstrip(_WORD).endswith(b"/") else b" "
    return lead + window[cut:]


def _is_text(data: Data) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _NOT_LATIN_1.search(data) is None
    return True


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes, final: bool) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True
