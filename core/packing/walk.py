# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The entries of an installed prefix in the order Spack archives them (Spack 1.1, seen in its output).

Depth first: the directory, its other entries by name, then its directories by name. Empty directories are kept, a link
to a directory is a link. A description of an earlier archive (`.spack/binary_distribution`) is left out, whatever its
name.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from enum import Enum, auto
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from core.foundation.errors import MirrordeckError, NotInstalled, PackageChanged, from_os_error

BUILDINFO = ".spack/binary_distribution"
# The name leads nowhere any more, or to a link or socket where a file was.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)
_CHANGED_REMEDIES = ("Wait until Spack has finished with this package, then push it again.",)


class Fingerprint(NamedTuple):
    """What tells that a file is still the one that was seen."""

    device: int
    inode: int
    size: int
    mtime_ns: int


_NO_FINGERPRINT = Fingerprint(0, 0, 0, 0)


class EntryKind(Enum):
    DIRECTORY = auto()
    FILE = auto()
    HARD_LINK = auto()
    SYMLINK = auto()
    SPECIAL = auto()


class Entry(NamedTuple):
    """One entry below the prefix; `path` is relative, empty for the prefix itself.

    `link` is the target of a symlink, or the path of the first name of a hard-linked file. `executable` (by its owner)
    is a fact about files, `fingerprint` about files and directories.
    """

    kind: EntryKind
    path: str
    link: str = ""
    executable: bool = False
    fingerprint: Fingerprint = _NO_FINGERPRINT


def walk(source: Path) -> Iterator[Entry]:
    """Yield every entry of the prefix at `source`.

    Raises NotInstalled when there is no such directory, PackageChanged when entries vanish meanwhile, PermissionDenied
    or StorageFailed when something cannot be read; all name the path.
    """
    top = os.fspath(source)
    left_out = _identity(f"{top}/{BUILDINFO}")
    first_names: dict[tuple[int, int], str] = {}
    pending = [""]
    while pending:
        directory = pending.pop()
        yield Entry(EntryKind.DIRECTORY, directory, fingerprint=_look(top, directory))
        others, directories = _listing(top, directory)
        base = f"{directory}/" if directory else ""
        for other in others:
            entry = _entry(top, base, other, first_names, left_out)
            if entry is not None:
                yield entry
        pending.extend(base + name for name in reversed(directories))


def check_directory(top: str, entry: Entry) -> None:
    """Raise PackageChanged if something was made, renamed or deleted in a directory since it was walked."""
    if _look(top, entry.path) != entry.fingerprint:
        raise changed(top, entry.path)


def _look(top: str, directory: str) -> Fingerprint:
    try:
        return fingerprint_of(os.stat(f"{top}/{directory}"))  # noqa: PTH116  a Path costs more
    except OSError as error:
        raise read_failure(error, top, directory) from error


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def read_failure(error: OSError, top: str, path: str) -> MirrordeckError:
    """What `error` while reading the entry `path` of the prefix `top` means."""
    place = f"{top}/{path}" if path else top
    title = f"{top} was not packed"
    if error.errno in _GONE:
        if not path:
            return NotInstalled(title, f"There is no directory {place}")
        return changed(top, path)
    return from_os_error(error, title, place)


def changed(top: str, path: str) -> PackageChanged:
    why = f"{top}/{path} changed or vanished while the package was read"
    return PackageChanged(f"{top} was not packed", why, remedies=_CHANGED_REMEDIES)


def _listing(top: str, directory: str) -> tuple[list[os.DirEntry[str]], list[str]]:
    others: list[os.DirEntry[str]] = []
    directories: list[str] = []
    try:
        with os.scandir(f"{top}/{directory}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    others.append(entry)
    except OSError as error:
        raise read_failure(error, top, directory) from error
    others.sort(key=attrgetter("name"))
    directories.sort()
    return others, directories


def _entry(
    top: str,
    base: str,
    found: os.DirEntry[str],
    first_names: dict[tuple[int, int], str],
    left_out: tuple[int, int] | None,
) -> Entry | None:
    path = base + found.name
    try:
        status = found.stat(follow_symlinks=False)
        identity = (status.st_dev, status.st_ino)
        if identity == left_out:
            return None
        if stat.S_ISLNK(status.st_mode):
            return Entry(EntryKind.SYMLINK, path, os.readlink(found.path))  # noqa: PTH115  a Path costs more
    except OSError as error:
        raise read_failure(error, top, path) from error
    if not stat.S_ISREG(status.st_mode):
        return Entry(EntryKind.SPECIAL, path)
    executable = bool(status.st_mode & stat.S_IXUSR)
    if status.st_nlink > 1:
        first = first_names.setdefault(identity, path)
        if first != path:
            return Entry(EntryKind.HARD_LINK, path, first, executable)
    return Entry(EntryKind.FILE, path, "", executable, fingerprint_of(status))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
