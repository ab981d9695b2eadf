# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files that appear complete or not at all.

New bytes go to a temporary name in the same directory, are flushed to the disk and renamed. Files are created with the
mode the kernel gives to any new file there (umask, default ACL, group of a setgid directory): a private 0600 would lock
colleagues out of a shared tree.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.foundation.errors import from_os_error
from core.foundation.kill_points import reached

# File systems that cannot flush a directory say so with one of these (CIFS, some FUSE ones).
_NO_DIRECTORY_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
# And file systems without hard links, when one shall be made.
NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)

# How much of a file or an answer is read at once. Threads that share a heap leave holes of that size in it: with a MiB
# six minutes of mixed work left 23 MB of them instead of 4, and were no faster.
PIECE_BYTES = 256 << 10


def temporary_name(name: str) -> str:
    """A fresh hidden name to write `name` under; `is_temporary` recognises it."""
    return f".{name[:60]}.{secrets.token_hex(8)}.tmp"


def is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write everything, however many calls that takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_pieces(path: Path, pieces: Iterable[bytes]) -> tuple[str, int]:
    """Make the new file `path`, not flushed to the disk; its digest and size. Nothing is left after an exception.

    Raises PermissionDenied, NoSpace or StorageFailed, and what `pieces` raises.
    """
    seen, size = hashlib.sha256(), 0
    try:
        with path.open("xb", buffering=0) as file:
            for piece in pieces:
                seen.update(piece)
                size += len(piece)
                write_all(file.fileno(), piece)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise from_os_error(error, f"Cannot write {path.name}", path) from error
        raise
    return f"sha256:{seen.hexdigest()}", size


def flush_directory(directory: int) -> None:
    """Make renames in an open directory survive a power cut, where its file system can. Raises OSError."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_FSYNC:
            raise


@contextmanager
def replacing(directory: int, name: str, *, mode: int | None = None) -> Iterator[int]:
    """A descriptor writing what becomes `name` in the open directory `directory` when the block ends. Raises OSError.

    `mode` None leaves the mode the kernel chooses. Nothing is left behind, and nothing replaced, after an exception.
    """
    temporary = temporary_name(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600, dir_fd=directory)
    try:
        try:
            yield descriptor
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        reached(f"written, not visible: {name}")
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        reached(f"visible: {name}")
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    flush_directory(directory)


def atomic_write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace or create the file `path` with `data`, in one step and flushed to the disk. Any thread.

    `mode` None keeps the mode of the file that is there, or gives a new one the usual mode. Owner and group stay where
    this user may give them. A symbolic link stays: the file it leads to is replaced. Raises PermissionDenied, NoSpace,
    NotFound (no such directory) or StorageFailed.
    """
    target = Path(os.path.realpath(path))
    try:
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with replacing(directory, target.name, mode=_existing_mode(target) if mode is None else mode) as descriptor:
                _keep_owner(target, descriptor)
                write_all(descriptor, data)
        finally:
            os.close(directory)
    except OSError as error:
        raise from_os_error(error, f"Cannot write {path.name}", path.absolute()) from error


def new_file_mode(directory: Path) -> int:
    """Permission bits a new file in `directory` gets. Found by making one, as umask and default ACLs both have a say.

    Raises PermissionDenied, NoSpace, NotFound or StorageFailed.
    """
    probe = directory / temporary_name("mode")
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            return stat.S_IMODE(os.fstat(descriptor).st_mode)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        raise from_os_error(error, "Cannot create a file", directory.absolute()) from error


def fsync_directory(path: Path) -> None:
    """`flush_directory` by name. Raises PermissionDenied, NotFound or StorageFailed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            flush_directory(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise from_os_error(error, "Cannot flush a directory to the disk", path.absolute()) from error


def _keep_owner(path: Path, descriptor: int) -> None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return
    for owner, group in ((facts.st_uid, -1), (-1, facts.st_gid)):
        with suppress(OSError):
            os.fchown(descriptor, owner, group)


def _existing_mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
