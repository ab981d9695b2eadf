# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What caches held when they were last read to the end."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from core.foundation.decoding import from_json
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.files import atomic_write
from core.services.values import ContentsRow

_VERSION = 1
_LARGEST_BYTES = 128 << 20
_FILES_KEPT = 50
_IN_MEMORY = 3


class RememberedContents(msgspec.Struct, frozen=True):
    """A complete listing. `shared` says for blobs that several things in the cache have how many those are."""

    read_at: float
    has_index: bool | None
    index_written_at: float | None
    rows: tuple[ContentsRow, ...]
    shared: dict[str, int]
    problems: tuple[ErrorInfo, ...] = ()
    version: int = _VERSION


class ContentsMemory:
    """Listings by address, as files in `directory`, of which the newest are also kept in memory. Thread-safe.

    Trouble with the files is never an error: then the cache is asked. Without `keep` no file is ever written.
    """

    def __init__(self, directory: Path, *, keep: bool) -> None:
        self._directory = directory
        self._keep = keep
        self._lock = threading.Lock()
        self._known: dict[str, RememberedContents] = {}

    def get(self, url: str) -> RememberedContents | None:
        with self._lock:
            known = self._known.get(url)
        if known is None:
            known = self._read(url)
            if known is not None:
                self._hold(url, known)
        return known

    def changed_at(self, url: str) -> float | None:
        """Something that is another number after each `put`, None if there is nothing; much cheaper than `get`."""
        with self._lock:
            known = self._known.get(url)
        if known is not None:
            return known.read_at
        with suppress(OSError):
            return self._file(url).stat().st_mtime
        return None

    def put(self, url: str, contents: RememberedContents) -> None:
        self._hold(url, contents)
        if not self._keep:
            return
        data = msgspec.json.encode(contents)
        if len(data) > _LARGEST_BYTES:
            return
        with suppress(MirrordeckError, OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            atomic_write(self._file(url), data)
            self._prune()

    def _hold(self, url: str, contents: RememberedContents) -> None:
        with self._lock:
            self._known.pop(url, None)
            self._known[url] = contents
            while len(self._known) > _IN_MEMORY:
                del self._known[next(iter(self._known))]

    def _read(self, url: str) -> RememberedContents | None:
        try:
            with self._file(url).open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
            found = from_json(data, RememberedContents)
        except (OSError, ValueError, RecursionError):
            return None
        return found if found.version == _VERSION else None

    def _prune(self) -> None:
        files = sorted(self._directory.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[_FILES_KEPT:]:
            file.unlink(missing_ok=True)

    def _file(self, url: str) -> Path:
        return self._directory / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
