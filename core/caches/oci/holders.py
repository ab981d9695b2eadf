# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which repositories are known to hold a blob, so that it can be mounted from there instead of uploaded again."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from core.registry.references import ImageReference

_CANDIDATES = 2


class BlobHolders:
    """What this process saw in, or put into, repositories a person named; others are never asked for a blob, which
    would tell who has what. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[tuple[str, str], dict[str, None]] = {}

    def note(self, repository: ImageReference, digests: Iterable[str]) -> None:
        """`repository` holds blobs with these digests."""
        with self._lock:
            for digest in digests:
                self._names.setdefault((str(repository.endpoint), digest), {})[repository.name] = None

    def others(self, repository: ImageReference, digest: str) -> tuple[str, ...]:
        """Names of other repositories on the same registry, those seen last first; a few are enough."""
        with self._lock:
            names = self._names.get((str(repository.endpoint), digest), {})
            return tuple(name for name in reversed(names) if name != repository.name)[:_CANDIDATES]
