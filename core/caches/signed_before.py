# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signed entries that were found good a short time ago, so that a push with little to do need not run gpg for each."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from core.caches.oci.confirmations import BELIEVED_S
from core.foundation.clock import Clock
from core.foundation.decoding import from_json
from core.foundation.digests import digest_of, hex_of
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write


class _File(msgspec.Struct, frozen=True):
    """`good` are time and package by the digest of the whole signed manifest."""

    keys: str
    good: dict[str, tuple[float, str]]


class SignedBefore:
    """What is believed of signatures in the cache at `url`: manifests with the very same bytes whose signature was good
    in the last 24 hours, by the same `keys` (a text that changes with them).

    Lies in a file of `directory`; without one nothing outlives the object. Trouble with the file is never an error:
    then signatures are checked again. Any thread.
    """

    def __init__(self, directory: Path | None, url: str, keys: str, clock: Clock) -> None:
        self._file = memory_file(directory, url) if directory is not None else None
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._good = self._read()
        self._is_new = False

    def knows(self, manifest_digest: str, dag_hash: str) -> bool:
        with self._lock:
            return self._good.get(manifest_digest, (0.0, ""))[1] == dag_hash

    def note(self, manifest_digest: str, dag_hash: str) -> None:
        """Its signature is good just now, and it is of that package. `save` keeps it."""
        with self._lock:
            self._good[manifest_digest] = (self._clock.now(), dag_hash)
            self._is_new = True

    def save(self) -> None:
        with self._lock, suppress(MirrordeckError, OSError):
            if self._file is not None and self._is_new:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self._file, msgspec.json.encode(_File(self._keys, self._good)))
                self._is_new = False

    def _read(self) -> dict[str, tuple[float, str]]:
        if self._file is None:
            return {}
        try:
            found = from_json(self._file.read_bytes(), _File)
        except (OSError, ValueError, RecursionError):
            return {}
        now = self._clock.now()
        fresh = {digest: one for digest, one in found.good.items() if 0 <= now - one[0] < BELIEVED_S}
        return fresh if found.keys == self._keys else {}


def memory_file(directory: Path, url: str) -> Path:
    """Where a `SignedBefore` of that cache lies."""
    return directory / f"{hex_of(digest_of(url.encode()))}.json"
