# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A lock that several machines can share through a folder: a file that only one of them can make.

Network file systems often do not pass flock or fcntl locks between machines; making a hard link fails everywhere if its
name exists. The lock file says who holds it. Its age is measured against a file made just now in the same directory, so
clocks need not agree.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.errors import NotFound, StorageFailed, from_os_error
from core.foundation.files import NO_HARD_LINKS, temporary_name, write_all
from core.foundation.kill_points import reached
from core.storage.folder import Folder
from core.storage.reading import Stat

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_REFRESH_S = 5 * 60
_STALE_S = 30 * 60
_WAIT_S = 60
_POLL_S = 0.25
_LIMIT_BYTES = 4096


class _Holder(msgspec.Struct, frozen=True):
    host: str = "?"
    pid: int = 0
    started: str = "?"
    id: str = ""
    boot: str = ""

    def gone(self) -> bool:
        """True if the holder was a process of this machine that has ended."""
        if self.host != socket.gethostname() or self.pid <= 0:
            return False
        if self.boot and self.boot != _boot_id():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class HeldLock:
    """A lock while it is held; for the thread that took it."""

    def __init__(self, folder: Folder, key: str, content: bytes, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._key = key
        self._content = content
        self._clock = clock
        self._refreshed = clock()

    def refresh(self) -> None:
        """Call now and then during long work, or others take the lock for abandoned. Cheap; raises like `confirm`."""
        if self._clock() - self._refreshed < _REFRESH_S:
            return
        self.confirm()
        try:
            with self._folder.parent(self._key) as (directory, name):
                os.utime(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise from_os_error(error, "Cannot keep a lock", self._folder.path(self._key)) from error
        self._refreshed = self._clock()

    def confirm(self) -> None:
        """Raise StorageFailed if the lock is not ours any more."""
        if not self._ours():
            raise StorageFailed("The lock was taken away", f"{self._folder.path(self._key)} is not ours any more")

    def release(self) -> None:
        if self._ours():
            self._folder.delete(self._key)

    def _ours(self) -> bool:
        try:
            return self._folder.read(self._key, _LIMIT_BYTES) == self._content
        except NotFound:
            return False


@contextmanager
def locked(
    folder: Folder,
    key: str,
    *,
    token: CancelToken,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[HeldLock]:
    """Hold the lock file `key` while the block runs.

    Waits a minute for another holder, then raises StorageFailed naming it. A lock not refreshed for half an hour, or
    left by a process of this machine that has ended, is taken over.
    """
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    holder = _Holder(socket.gethostname(), os.getpid(), started, secrets.token_hex(16), _boot_id())
    content = msgspec.json.encode(holder)
    give_up = clock() + _WAIT_S
    while True:
        token.raise_if_cancelled()
        found = _try_to_take(folder, key, content)
        if found is None:
            break
        if clock() >= give_up:
            where = folder.path(key)
            raise StorageFailed(
                "Another program is at work here",
                f"{where} is held by process {found.pid} on {found.host} since {found.started}",
                remedies=(f"Try again later, or delete {where} if that process is gone",),
            )
        sleep(_POLL_S)
    lock = HeldLock(folder, key, content, clock)
    try:
        reached(f"locked: {key}")
        yield lock
        reached(f"still locked: {key}")
    finally:
        lock.release()


def _boot_id() -> str:
    """What tells this run of the machine from others: its processes have numbers of their own. "" where unknown."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


def _try_to_take(folder: Folder, key: str, content: bytes) -> _Holder | None:
    """Take the lock if it is free; otherwise say who holds it, and clear it away if it is abandoned."""
    try:
        with folder.parent(key, create=True) as (directory, name):
            now = _make(directory, name, content)
            if now is None:
                return None
            found, facts = folder.fetch(key, _LIMIT_BYTES)
            holder = _decode(found)
            if now - facts.mtime > _STALE_S or holder.gone():
                _clear_away(directory, name, facts)
            return holder
    except NotFound:
        return _Holder()  # released just now
    except OSError as error:
        raise from_os_error(error, "Cannot take a lock", folder.path(key)) from error


def _decode(content: bytes) -> _Holder:
    try:
        return from_json(content, _Holder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Holder()


def _make(directory: int, name: str, content: bytes) -> float | None:
    """Make the lock file, or tell the time by the file system's clock if there is one already."""
    temporary = temporary_name(name)
    _write_new(directory, temporary, content)
    try:
        # NFS may report a failure for a link it made, so the link count decides.
        with suppress(FileExistsError):
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        facts = os.stat(temporary, dir_fd=directory)
        return None if facts.st_nlink == 2 else facts.st_mtime
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        facts = os.stat(temporary, dir_fd=directory)
        with suppress(FileExistsError):
            _write_new(directory, name, content)
            return None
        return facts.st_mtime
    finally:
        os.unlink(temporary, dir_fd=directory)


def _write_new(directory: int, name: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o666, dir_fd=directory)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)  # after a power cut it must still say whose it was, or everybody waits for nobody
    finally:
        os.close(descriptor)


def _clear_away(directory: int, name: str, judged: Stat) -> None:
    """Remove an abandoned lock, but not one that somebody made since it was judged."""
    aside = temporary_name(name)
    with suppress(FileNotFoundError):
        os.rename(name, aside, src_dir_fd=directory, dst_dir_fd=directory)
        if os.stat(aside, dir_fd=directory).st_mtime != judged.mtime:
            with suppress(OSError):
                os.link(aside, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.unlink(aside, dir_fd=directory)
