# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What it means to verify a cache, and one look at everything while it goes on.

Quick is presence and size; full also reads every byte and compares it with its digest.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from core.caches.findings import Examined, Finding, FindingKind, Remedy
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import (
    BadAnswer,
    BadSignature,
    CacheError,
    NotFound,
    PermissionDenied,
    SigningError,
    StorageFailed,
)
from core.foundation.files import PIECE_BYTES
from core.foundation.text import plural
from core.signing.clearsign import is_clearsigned
from core.storage.reading import ByteReader

# What is wrong with one thing in a cache; other trouble ends a verification.
ODD = (CacheError, NotFound, BadAnswer, PermissionDenied, StorageFailed)


class Remembered(Protocol):
    """What a run that was stopped found to be right. Any thread."""

    def knows(self, key: str) -> bool: ...

    def add(self, key: str) -> None: ...


class CacheVerifier(Protocol):
    def run(self, inspection: Inspection) -> Iterator[Finding]:
        """Everything that is wrong, as it is found. Nothing is changed. Raises NotFound if there is no cache, and what
        the cache raises if it cannot be read at all."""
        ...


class SignatureCheck:
    """Checks signatures with `verify`, none without it; what cannot be checked is counted. Any thread.

    Where some packages are signed, those that are not stand out: somebody may have taken a signature off.
    """

    def __init__(self, verify: Callable[[bytes], bytes] | None) -> None:
        self._verify = verify
        self._lock = threading.Lock()
        self._unchecked: Counter[str] = Counter()
        self._unsigned: list[str] = []
        self._signed = False

    def check(self, key: str, manifest: bytes) -> None:
        """Look at the manifest of a package. Raises BadSignature."""
        if self._verify is None:
            return
        signed = is_clearsigned(manifest)
        with self._lock:
            self._signed = self._signed or signed
            if not signed:
                self._unsigned.append(key)
        if not signed:
            return
        try:
            self._verify(manifest)
        except BadSignature:
            raise
        except SigningError as error:
            with self._lock:
                self._unchecked[error.why or error.title] += 1

    def unsigned(self) -> list[str]:
        """Keys of the packages that are not signed while others are."""
        return sorted(self._unsigned) if self._signed else []

    def unchecked(self) -> Iterator[Finding]:
        for why, count in sorted(self._unchecked.items()):
            words = f"{plural(count, 'signature')} could not be checked: {why}."
            kind = FindingKind.UNCHECKED_SIGNATURES
            yield Finding(kind, "", words, Remedy.NOTHING, harmless=True)


class Inspection:
    """One verification under way: how thorough, how fast, how far. Methods may be called from any thread.

    `bytes_per_s` limits reading of contents; `progress` is called often, from any thread.
    """

    def __init__(
        self,
        *,
        full: bool,
        token: CancelToken,
        remembered: Remembered,
        clock: Clock | None = None,
        bytes_per_s: float | None = None,
        progress: Callable[[Examined], None] = lambda _: None,
    ) -> None:
        self.full = full
        self.token = token
        self._remembered = remembered
        self._clock = clock or Clock()
        self._bytes_per_s = bytes_per_s
        self._progress = progress
        self._lock = threading.Lock()
        self._counts = [0, 0, 0, 0, 0]
        self._free_at = self._clock.monotonic()

    def examined(self) -> Examined:
        with self._lock:
            return Examined(*self._counts)

    def begin(self, packages: int) -> None:
        """So many more packages are listed."""
        self._count(1, packages)

    def package_done(self) -> None:
        self.token.raise_if_cancelled()
        self._count(0, 1)

    def blob_done(self) -> None:
        self.token.raise_if_cancelled()
        self._count(2, 1)

    def has_digest(
        self, digest: str, size: int, mtime: float, opened: Callable[[], AbstractContextManager[ByteReader]]
    ) -> bool:
        """Whether the contents have that digest; they are read unless they were before, and unchanged since."""
        name = f"{digest} {size} {mtime!r}"
        if self._remembered.knows(name):
            self._count(4, size)
            return True
        seen = hashlib.sha256()
        with opened() as reader:
            while piece := reader.read(PIECE_BYTES):
                seen.update(piece)
                self._count(3, len(piece))
                self._slow_down(len(piece))
        right = f"sha256:{seen.hexdigest()}" == digest
        if right:
            self._remembered.add(name)
        return right

    def _count(self, what: int, count: int) -> None:
        with self._lock:
            self._counts[what] += count
            counts = Examined(*self._counts)
        self._progress(counts)

    def _slow_down(self, count: int) -> None:
        self.token.raise_if_cancelled()
        if self._bytes_per_s is None:
            return
        with self._lock:
            now = self._clock.monotonic()
            self._free_at = max(self._free_at, now) + count / self._bytes_per_s
            wait_s = self._free_at - now
        self._clock.sleep(wait_s, self.token)
