# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Configuration files as they lie on the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.foundation.errors import NotFound
from core.spack.config import Scope
from core.spack.yaml_reader import decode_yaml, read_bytes

_MARK = "\ufeff"


def content_of(path: Path) -> bytes | None:
    """What the file holds, None if there is none. Raises ConfigError."""
    try:
        return read_bytes(path)
    except NotFound:
        return None


def obstacle(scope: Scope, path: Path) -> str:
    """Why the file `path` of a scope cannot be written or made, "" if nothing is in the way."""
    if not scope.writable:
        return "this configuration is only read here"
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            return f"{target} is not a regular file"
        if not os.access(target, os.W_OK):
            return f"{target} may not be written (mode {stat.S_IMODE(mode):04o})"
    except FileNotFoundError:
        if scope.is_environment:
            return f"{target} does not exist"
    except OSError as error:
        return f"{target}: {error.strerror}"
    existing = next((place for place in target.parents if place.exists()), Path("/"))
    if not existing.is_dir():
        return f"{existing} is not a directory"
    return "" if os.access(existing, os.W_OK | os.X_OK) else f"{existing} may not be written"


def owner_note(path: Path) -> str:
    """A warning if replacing the file would change whose it is, "" if not."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    return f"{path} belongs to another user and will belong to you" if os.geteuid() not in (0, owner) else ""


def text_of(content: bytes | None, path: Path) -> str:
    """The text of a file, without the mark at its beginning. Raises ConfigError."""
    return decode_yaml(content, path).removeprefix(_MARK) if content is not None else ""


def bytes_of(text: str, before: bytes | None) -> bytes:
    """A text as it is written over `before`, with the same mark at its beginning."""
    marked = before is not None and before.startswith(_MARK.encode())
    return ((_MARK if marked else "") + text).encode()
