# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is uploaded. A body can be opened again for every try, so that a repeated request never sends half of it."""

from __future__ import annotations

import io
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
