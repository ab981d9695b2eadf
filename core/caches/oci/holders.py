# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which repositories are known to hold a blob, so that it can be mounted from there instead of uploaded again."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable

from core.registry.references import ImageReference

_CANDIDATES = 2
# Of each registry, a few megabytes; what was seen longest ago is uploaded instead of mounted.
_MOST_BLOBS = 10_000


class BlobHolders:
    """What this process saw in, or put into, repositories a person named; others are never asked for a blob, which
    would tell who has what. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)  # by endpoint and digest

    def note(self, repository: ImageReference, digests: Iterable[str]) -> None:
        """`repository` holds blobs with these digests."""
        with self._lock:
            known = self._names[str(repository.endpoint)]
            for digest in digests:
                others = (name for name in known.pop(digest, ()) if name != repository.name)
                known[digest] = (*others, repository.name)
            while len(known) > _MOST_BLOBS:
                del known[next(iter(known))]

    def others(self, repository: ImageReference, digest: str) -> tuple[str, ...]:
        """Names of other repositories on the same registry, those seen last first; a few are enough."""
        with self._lock:
            names = self._names[str(repository.endpoint)].get(digest, ())
        return tuple(name for name in reversed(names) if name != repository.name)[:_CANDIDATES]
