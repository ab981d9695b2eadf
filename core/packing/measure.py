# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How large a prefix is, quickly: for plans, tables and progress bars."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from core.packing.headers import BLOCK, RECORD
from core.packing.model import TreeSize

_LONG_NAME = 100


def measure(source: Path) -> TreeSize:
    """How large the prefix at `source` is; hard links count once, what cannot be read as nothing. Never raises."""
    content, archive, files = 0, RECORD, 0
    seen: set[tuple[int, int]] = set()
    pending = [os.fspath(source)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                # A long name needs a pax header and its record in front of the header itself.
                archive += 3 * BLOCK if len(entry.path) > _LONG_NAME else BLOCK
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                files += 1
                with suppress(OSError):
                    size = file_bytes(entry.stat(follow_symlinks=False), seen)
                    content += size
                    archive += -(-size // BLOCK) * BLOCK
    return TreeSize(content, archive, files)


def file_bytes(status: os.stat_result, seen: set[tuple[int, int]]) -> int:
    """The size of a file, 0 for what is none or is in `seen` under another name, as it is from then on."""
    if not stat.S_ISREG(status.st_mode):
        return 0
    if status.st_nlink > 1:
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return 0
        seen.add(identity)
    return status.st_size
