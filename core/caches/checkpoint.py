# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a verification found to be right, in a file, so that one that was stopped need not begin anew."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_FLUSH_EVERY = 64
_BELIEVED_S = 7 * 86400.0
_LARGEST_BYTES = 256 << 20


class Checkpoint:
    """One line for each blob, in a file of `directory` named after the cache's `url`. Any thread.

    Without a directory nothing is kept. Trouble with the file is never an error: then everything is read again. A file
    older than a week is not believed.
    """

    def __init__(self, directory: Path | None, url: str) -> None:
        name = f"{hashlib.sha256(url.encode()).hexdigest()}.txt"
        self._path = directory / name if directory is not None else None
        self._lock = threading.Lock()
        self._known = self._read()
        self._file: TextIO | None = None
        self._unflushed = 0

    def knows(self, key: str) -> bool:
        with self._lock:
            return key in self._known

    def add(self, key: str) -> None:
        with self._lock, suppress(OSError):
            self._known.add(key)
            if self._path is None:
                return
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write(f"{key}\n")
            self._unflushed += 1
            if self._unflushed >= _FLUSH_EVERY:
                self._file.flush()
                self._unflushed = 0

    def close(self, *, finished: bool) -> None:
        """Keep what was found for the next run, or forget it when this one came to its end."""
        with self._lock, suppress(OSError):
            if self._file is not None:
                self._file.close()
                self._file = None
            if finished and self._path is not None:
                self._path.unlink(missing_ok=True)

    def _read(self) -> set[str]:
        if self._path is None:
            return set()
        with suppress(OSError, ValueError):
            facts = self._path.stat()
            if time.time() - facts.st_mtime < _BELIEVED_S and facts.st_size < _LARGEST_BYTES:
                lines = self._path.read_text(encoding="utf-8").split("\n")
                return set(lines[:-1])  # the last one may be cut
            self._path.unlink()
        return set()
