# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is uploaded. A body can be opened again for every try, so that a repeated request never sends half of it."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol


class Body(Protocol):
    """Exactly `size` bytes, the same ones each time it is opened."""

    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO:
        """A fresh reader at the first byte. May raise OSError; what reading raises ends the request."""
        ...


@dataclass(frozen=True, slots=True)
class BytesBody:
    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file that nobody changes meanwhile."""

    path: Path
    size: int

    def open(self) -> BinaryIO:
        return self.path.open("rb", buffering=0)


@dataclass(frozen=True, slots=True)
class OpenFileBody:
    """The beginning of a file that is open already, wherever it is moved meanwhile, and however much is added."""

    descriptor: int
    size: int

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Positioned(self.descriptor))


class _Positioned(io.RawIOBase):
    """Reads from a place of its own in a file; closing it leaves the descriptor open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        self._position = offset
        return offset

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._descriptor, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
