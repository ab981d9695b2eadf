# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What can be read by key, whether it lies in a folder or behind a web address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.foundation.cancel import CancelToken
from core.foundation.errors import StorageFailed


@dataclass(frozen=True, slots=True)
class Stat:
    """Size in bytes and time of last change in unix seconds, by the clock of the file system or server; 0 where a
    server does not tell it."""

    size: int
    mtime: float


class ByteReader(Protocol):
    """Bytes from the first one on."""

    def read(self, count: int, /) -> bytes:
        """At least one byte and up to `count`, b"" at the end."""
        ...


class Files(Protocol):
    """Whole files by key; keys are `/`-separated names. Raises NotFound, StorageFailed or the RemoteError family."""

    def where(self, key: str) -> str:
        """Path or address, for people."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the place itself exists; where that cannot be told, whether the file `key` does."""
        ...

    def fetch(self, key: str, limit: int) -> tuple[bytes, Stat]:
        """Content and facts of a file of at most `limit` bytes."""
        ...

    def stat(self, key: str) -> Stat | None:
        """Facts of a file, None if there is none."""
        ...

    def open(self, key: str) -> AbstractContextManager[ByteReader]:
        """A file of any length, to be read while the block runs."""
        ...

    def save(self, key: str, digest: str, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        """A file into `target`, which appears with the right digest or not at all. `progress` gets the bytes since its
        last call."""
        ...

    def scan(self, prefix: str) -> Iterator[tuple[str, Stat]] | None:
        """Keys below `prefix`, at any depth, in a fixed order, with their facts; None where nothing can be listed."""
        ...


def parts_of(key: str) -> list[str]:
    """The names in a key. Raises StorageFailed if it could lead anywhere else."""
    parts = key.split("/")
    if "\0" in key or any(part in ("", ".", "..") for part in parts):
        raise StorageFailed("That is not the name of a file inside the folder", repr(key[:200]))
    return parts
