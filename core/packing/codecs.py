# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Gzip in the ways `Codec` names. Every result is a function of the bytes alone, never of threads or write sizes."""

from __future__ import annotations

import zlib

import deflate

from core.packing.model import Codec

BLOCK_BYTES = 1 << 20
_LEVELS = {Codec.DEFAULT: 5, Codec.FAST: 1}
_SPACK_LEVEL = 6
# No name, no time, unknown system: what Python's gzip writes with mtime 0, but for the level it leaves out (RFC 1952,
# 2.3).
_HEADER = bytes.fromhex("1f8b08000000000000ff")

Buffer = bytes | bytearray | memoryview


def gzip_member(data: Buffer, codec: Codec) -> bytearray:
    """`data` as one gzip member; for `DEFAULT` and `FAST`. Releases the GIL, any thread."""
    return deflate.gzip_compress(data, _LEVELS[codec])


class GzipStream:
    """One gzip member made piece by piece with the bytes Spack's compressor gives. For one thread at a time."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_SPACK_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0
        self._head = _HEADER

    def compress(self, data: Buffer) -> bytes:
        """The next bytes of the member; often few or none."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        head, self._head = self._head, b""
        return head + self._deflate.compress(data)

    def flush(self) -> bytes:
        """Everything so far, ended at a byte border (an empty stored block)."""
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """The end of the member. Nothing may be called after it."""
        end = self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        return self._deflate.flush() + end
