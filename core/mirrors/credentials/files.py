# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who else may read a file with a secret, or replace a program that is given one."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def exposure(path: Path) -> str:
    """A warning if people other than the owner may read `path`, which holds a secret; "" if not."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    return f"{path} holds a secret and can be read by others (mode {mode:04o})" if mode & 0o044 else ""


def intrusion(program: Path) -> str:
    """Why somebody other than root and this user could have replaced `program`; "" if nobody else could."""
    for path in (program, program.parent):
        if not path.is_absolute():
            return f"{path} depends on the working directory"
        try:
            status = path.stat()
        except OSError as error:
            return f"{path}: {error.strerror}"
        if status.st_mode & 0o022:
            return f"{path} can be changed by others (mode {stat.S_IMODE(status.st_mode):04o})"
        if status.st_uid not in (0, os.geteuid()):
            return f"{path} belongs to another user"
    return ""
