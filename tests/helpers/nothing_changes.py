# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A proof that a block changes nothing on any disk: what it asks the system for, and what is there before and after."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    f"os.{name}"
    for name in ("rename", "remove", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod", "chown", "utime")
)
_HARMLESS = ("/dev/null", "/dev/tty", "/dev/pts/")
_watching: list[list[str]] = []


def _seen(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    if event in _CHANGES:
        _watching[-1].append(f"{event}{arguments}")
    elif event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & _WRITING and flags & os.O_TMPFILE != os.O_TMPFILE
        if writes and not isinstance(path, int) and not str(path).startswith(_HARMLESS):
            _watching[-1].append(f"open {path!r} {flags:o}")


sys.addaudithook(_seen)


@contextmanager
def nothing_changes(*roots: Path, allowed: tuple[str, ...] = ()) -> Iterator[None]:
    """Fails if the block creates, writes, renames or deletes any file anywhere (this process), or if anything below
    `roots` is another afterwards (children too). `allowed` are parts of the requests that do no harm."""
    before = picture(*roots)
    asked: list[str] = []
    _watching.append(asked)
    try:
        yield
    finally:
        _watching.pop()
    after = picture(*roots)
    changed = sorted(str(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    left = [one for one in asked if not any(part in one for part in allowed)]
    assert not changed, f"changed: {changed}"
    assert not left, f"asked for: {left}"


def picture(*roots: Path) -> dict[Path, tuple[object, ...]]:
    """Everything below `roots`: kind and mode, and of files time and content."""
    found: dict[Path, tuple[object, ...]] = {}
    for root in roots:
        for path in (root, *root.rglob("*")):
            facts = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(facts.st_mode) else ""
            time = facts.st_mtime_ns if stat.S_ISREG(facts.st_mode) else 0
            found[path] = (facts.st_mode, time, content)
    return found
