# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying in tests."""

from __future__ import annotations

from pathlib import Path

from core.caches.findings import Finding
from core.caches.protocol import ReadableCache
from core.caches.verification import Inspection
from core.foundation.cancel import CancelToken


class Forgetful:
    """Remembers nothing."""

    def knows(self, key: str) -> bool:
        return False

    def add(self, key: str) -> None:
        pass


def verify(cache: ReadableCache, *, full: bool = True, signatures: bool = False) -> list[Finding]:
    inspection = Inspection(full=full, token=CancelToken(), remembered=Forgetful())
    return list(cache.verifier(signatures=signatures).run(inspection))


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Times and contents of all files."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }
