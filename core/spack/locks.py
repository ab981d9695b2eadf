# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Shared locks on the lock files of a Spack installation.

Spack uses POSIX record locks, which belong to a process and a file: closing any descriptor of the file, anywhere in the
process, drops all of them. So there is one descriptor per lock file here, however many threads use it, and a byte range
is unlocked when its last user leaves. Nothing else in the process may open these files.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import DatabaseError, from_os_error

_UNAVAILABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS})
_LOCKS_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EROFS})

Range = tuple[int, int]


@dataclass(slots=True)
class _LockFile:
    path: Path
    inode: tuple[int, int]
    descriptor: int
    users: int = 0
    holders: Counter[Range] = field(default_factory=Counter)


_mutex = threading.Lock()
_open_files: dict[tuple[int, int], _LockFile] = {}


@contextmanager
def shared_lock(
    path: Path,
    *,
    start: int = 0,
    length: int = 0,
    timeout_s: float | None = 60.0,
    token: CancelToken | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bool]:
    """Hold a shared lock on `length` bytes (0: to infinity) of `path` from `start`; yields whether there is a lock.

    There is none when the lock file is missing or not readable, or the file system has no locks. Waits for writers by
    Spack's rhythm, `timeout_s` at most (None: without end). Raises DatabaseError when it waited in vain, Cancelled
    within half a second when `token` is. Any thread; nested and concurrent use is fine.
    """
    file = _check_out(path)
    if file is None:
        yield False
        return
    try:
        span = (start, length)
        deadline = None if timeout_s is None else clock() + timeout_s
        for pause_s in _rhythm():
            if token is not None:
                token.raise_if_cancelled()
            held = _try_to_lock(file, span)
            if held is not None:
                break
            if deadline is not None and clock() >= deadline:
                raise _still_locked(path)
            sleep(pause_s)
        try:
            yield bool(held)
        finally:
            if held:
                _unlock(file, span)
    finally:
        _check_in(file)


def prefix_lock_byte(dag_hash: str) -> int:
    """Offset of the byte in `prefix_lock` that stands for a package: the first 63 bits of its hash."""
    digest = base64.b32decode(dag_hash.upper())
    return int.from_bytes(digest, "big") >> (len(digest) * 8 - 63)


def _rhythm() -> Iterator[float]:
    """Seconds between attempts, as Spack waits."""
    return chain(repeat(0.1, 20), repeat(0.2, 40), repeat(0.5))


def _check_out(path: Path) -> _LockFile | None:
    """The one open lock file of `path`, opened if need be; None when it cannot be opened."""
    with _mutex:
        try:
            status = path.stat()
            inode = (status.st_dev, status.st_ino)
            file = _open_files.get(inode)
            if file is None:
                file = _open_files[inode] = _LockFile(path, inode, _open(path))
        except OSError as error:
            if error.errno in _UNAVAILABLE:
                return None
            raise from_os_error(error, "The lock file cannot be opened", path) from error
        file.users += 1
        return file


def _check_in(file: _LockFile) -> None:
    with _mutex:
        file.users -= 1
        if file.users == 0:
            del _open_files[file.inode]
            os.close(file.descriptor)


def _open(path: Path) -> int:
    try:
        # Some network file systems grant locks only on descriptors opened for writing.
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _try_to_lock(file: _LockFile, span: Range) -> bool | None:
    """True when locked, False when this file system has no locks, None while somebody else has an exclusive one."""
    with _mutex:
        if file.holders[span] == 0:
            start, length = span
            try:
                fcntl.lockf(file.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, length, start)
            except OSError as error:
                if error.errno in _LOCKS_UNSUPPORTED:
                    return False
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    return None
                raise from_os_error(error, "The lock cannot be taken", file.path) from error
        file.holders[span] += 1
        return True


def _unlock(file: _LockFile, span: Range) -> None:
    with _mutex:
        file.holders[span] -= 1
        if file.holders[span] == 0:
            start, length = span
            fcntl.lockf(file.descriptor, fcntl.LOCK_UN, length, start)


def _still_locked(path: Path) -> DatabaseError:
    return DatabaseError(
        "Another process is changing the Spack installation",
        f"{path} stayed locked",
        remedies=("Wait until the running spack install, uninstall or reindex ends, then try again.",),
    )
