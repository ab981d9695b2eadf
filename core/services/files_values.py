# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a dialog that chooses a file knows of a folder. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """`name` is foreign text; a link counts as what it leads to. `size_bytes` is 0 for folders, `mtime_s` Unix time."""

    name: str
    is_dir: bool
    size_bytes: int
    mtime_s: float


@dataclass(frozen=True, slots=True)
class DirectoryView:
    """The folder at the absolute `path`, its `parent` ("" for the root), and what is in it: folders first, by name.

    `error` says why it cannot be read ("": it was); `left_out` how many further entries there are.
    """

    path: str
    parent: str
    entries: tuple[DirectoryEntry, ...] = ()
    error: str = ""
    left_out: int = 0
