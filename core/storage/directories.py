# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Directories of a folder with what lies in them, looked at again at the price of those that changed.

Making, renaming and deleting files changes the time of their directory. So a directory whose time is the same, and was
old enough before, still holds the same names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from core.foundation.files import is_temporary
from core.storage.failures import failure, mapped
from core.storage.folder import Folder

_NS = 1e9
_ENTER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Directory:
    """Regular files and directories by name, without temporary ones; `changed_ns` is since 1970 by the file system.

    `files` have the time they changed in unix seconds, 0 where the directory is older than what was asked for.
    """

    changed_ns: int = field(compare=False)
    files: Mapping[str, float]
    directories: tuple[str, ...]


Directories = Mapping[str, Directory]
_NOTHING: Directories = MappingProxyType({})


def read_directories(
    folder: Folder, prefix: str, *, since: float, known: Directories = _NOTHING
) -> dict[str, Directory]:
    """The directory `prefix` and all below it, by key; none if there is no such thing. Links are not followed.

    Only the files of directories that changed at `since` (unix seconds by the file system) or later are looked at one
    by one. Of older ones, those that are the same in `known`, an earlier answer, are not even read. Any thread. Raises
    the errors of `Folder`.
    """
    found: dict[str, Directory] = {}

    def look(parent: int, name: str, key: str) -> None:
        try:
            descriptor = os.open(name, _ENTER, dir_fd=parent)
            try:
                here = found[key] = _read(descriptor, since * _NS, known.get(key))
                for below in here.directories:
                    look(descriptor, below, f"{key}/{below}")
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            found.pop(key, None)
        except OSError as error:
            raise failure(error, "Cannot list a folder", folder.path(key)) from error

    top = mapped("Cannot list a folder", folder.path(prefix))
    with top, suppress(FileNotFoundError), folder.parent(prefix) as (parent, name):
        look(parent, name, prefix)
    return found


def _read(descriptor: int, since_ns: float, known: Directory | None) -> Directory:
    changed_ns = os.fstat(descriptor).st_mtime_ns
    recent = changed_ns >= since_ns
    if known is not None and known.changed_ns == changed_ns and not recent:
        return known
    files: dict[str, float] = {}
    directories = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            elif entry.is_file(follow_symlinks=False) and not is_temporary(entry.name):
                if recent:
                    with suppress(FileNotFoundError):
                        files[entry.name] = entry.stat(follow_symlinks=False).st_mtime
                else:
                    files[entry.name] = 0.0
    return Directory(changed_ns, files, tuple(sorted(directories)))
