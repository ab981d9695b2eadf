# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking into folders for somebody who sits at another computer. Changes nothing. Any thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.services.files_values import DirectoryEntry, DirectoryView

_MOST_ENTRIES = 5000


def list_directory(path: str, token: CancelToken, *, dirs_only: bool = False) -> DirectoryView:
    """The folder `path`; relative ones are below the home. Raises Cancelled only."""
    folder = _absolute(path)
    parent = "" if folder.parent == folder else str(folder.parent)
    try:
        found = [entry for entry in _entries(folder, token) if entry.is_dir or not dirs_only]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return DirectoryView(str(folder), parent, error=why)
    found.sort(key=lambda entry: (not entry.is_dir, entry.name))
    return DirectoryView(str(folder), parent, tuple(found[:_MOST_ENTRIES]), left_out=max(0, len(found) - _MOST_ENTRIES))


def _absolute(path: str) -> Path:
    try:
        written = Path(path).expanduser()
    except RuntimeError:  # the home of somebody unknown
        written = Path(path)
    return Path(os.path.normpath(Path.home() / written))


def _entries(folder: Path, token: CancelToken) -> Iterator[DirectoryEntry]:
    with os.scandir(folder) as listing:
        for each in listing:
            token.raise_if_cancelled()
            name = os.fsencode(each.name).decode("utf-8", "backslashreplace")
            if name != each.name:
                continue  # could not be asked for again: a message holds text only
            try:
                facts, is_dir = each.stat(), each.is_dir()
            except OSError:
                facts, is_dir = each.stat(follow_symlinks=False), False
            yield DirectoryEntry(name, is_dir, 0 if is_dir else facts.st_size, facts.st_mtime)
