# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What lies in one directory of a folder, reached without going through those above it again."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Self

from core.foundation.errors import StorageFailed
from core.storage.failures import failure
from core.storage.reading import Stat

# Without O_NONBLOCK, opening a fifo that someone put there would wait for ever.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class OpenFile:
    """A regular file being read, by one thread; `facts` are those of the time it was opened."""

    def __init__(self, descriptor: int, facts: Stat, directory: Path, name: str) -> None:
        self._descriptor = descriptor
        self.facts = facts
        self._directory = directory
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def read(self, count: int, /) -> bytes:
        """Up to `count` bytes, b"" at the end."""
        try:
            return os.read(self._descriptor, count)
        except OSError as error:
            raise failure(error, f"Cannot read {self._name}", self._directory / self._name) from error

    def read_up_to(self, limit: int) -> bytes:
        """What it held when it was opened, at most `limit` bytes."""
        wanted = min(self.facts.size, limit)
        # Mostly at once: joining pieces would take the memory of a large file twice.
        data = self.read(wanted)
        while len(data) < wanted and (piece := self.read(wanted - len(data))):
            data += piece
        return data


class OpenDirectory:
    """The directory at `path` by its `descriptor`, which belongs to whoever opened it. Any thread.

    Names are single ones. Methods raise PermissionDenied, NotFound or StorageFailed naming the absolute path.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def open(self, name: str) -> OpenFile:
        """A file of any length, to be closed by a `with` block."""
        try:
            descriptor = os.open(name, READ, dir_fd=self._descriptor)
        except OSError as error:
            raise failure(error, f"Cannot read {name}", self._path / name) from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise StorageFailed(f"Cannot read {name}", f"{self._path / name}: not a regular file")
        return OpenFile(descriptor, facts_of(found), self._path, name)

    def fetch(self, name: str, limit: int) -> tuple[bytes, Stat]:
        """Content and facts of a file of at most `limit` bytes."""
        with self.open(name) as file:
            data = file.read_up_to(limit + 1)
        if len(data) > limit:
            raise StorageFailed(f"Cannot read {name}", f"{self._path / name}: larger than {limit:,} bytes")
        return data, file.facts

    def stat(self, name: str) -> Stat | None:
        """Facts of a regular file, None if there is no such thing."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failure(error, f"Cannot look at {name}", self._path / name) from error
        return facts_of(found) if stat.S_ISREG(found.st_mode) else None


def facts_of(found: os.stat_result) -> Stat:
    return Stat(found.st_size, found.st_mtime)
