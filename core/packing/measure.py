# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much there is to pack, quickly: only for plans and progress bars."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from core.packing.headers import BLOCK, RECORD
from core.packing.model import TreeSize

_LONG_NAME = 100


def measure(source: Path) -> TreeSize:
    """Size of the archive of the prefix at `source`; what cannot be read counts as nothing. Never raises."""
    size = RECORD
    files = 0
    seen: set[tuple[int, int]] = set()
    pending = [os.fspath(source)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                # A long name needs a pax header and its record in front of the header itself.
                size += 3 * BLOCK if len(entry.path) > _LONG_NAME else BLOCK
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                files += 1
                with suppress(OSError):
                    size += _content(entry.stat(follow_symlinks=False), seen)
    return TreeSize(size, files)


def _content(status: os.stat_result, seen: set[tuple[int, int]]) -> int:
    if not stat.S_ISREG(status.st_mode):
        return 0
    if status.st_nlink > 1:
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return 0
        seen.add(identity)
    return -(-status.st_size // BLOCK) * BLOCK
