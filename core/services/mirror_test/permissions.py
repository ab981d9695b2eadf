# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may read and write files of a shared folder. Everything here raises OSError and may hang on a dead mount."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.foundation.files import temporary_name

_ACL = "system.posix_acl_access"


@dataclass(frozen=True, slots=True)
class Made:
    """What a file and a directory become that are made in a folder: permission bits, owner and group by name."""

    file_mode: int
    directory_mode: int
    owner: str
    group: str
    inherits_group: bool


def make_probes(directory: Path) -> Made:
    """Make a file and a directory there and remove them: umask, default ACLs and setgid all have a say."""
    probe = directory / temporary_name("probe")
    probe.mkdir()
    try:
        inside = probe / "file"
        os.close(os.open(inside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        try:
            file, folder = inside.stat(), probe.stat()
        finally:
            inside.unlink()
    finally:
        probe.rmdir()
    setgid = bool(folder.st_mode & stat.S_ISGID)
    modes = stat.S_IMODE(file.st_mode), stat.S_IMODE(folder.st_mode)
    return Made(*modes, _user(file.st_uid), group_name(file.st_gid), setgid)


def closed_to_others(path: Path) -> Path | None:
    """The first directory from the top, or `path` itself, that people who are neither owner nor in the group cannot
    pass or read; None if they can read `path`."""
    real = Path(os.path.realpath(path))
    for parent in reversed(real.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    wanted = stat.S_IROTH | stat.S_IXOTH if real.is_dir() else stat.S_IROTH
    return None if real.stat().st_mode & wanted == wanted else real


def has_acl(path: Path) -> bool:
    """Whether more than the permission bits decides."""
    with suppress(OSError, AttributeError):  # not every system or file system knows them
        return _ACL in os.listxattr(path)
    return False


def group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
