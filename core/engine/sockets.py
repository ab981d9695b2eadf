# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The socket by which a detached engine is met again: in a folder that nobody else may enter."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.foundation.errors import PermissionDenied, UsageError, from_os_error
from core.foundation.places import run_dir

_SESSION = re.compile(r"[A-Za-z0-9-]{8,64}")
_TITLE = "The engine was not started"


def socket_path(session: str) -> Path:
    """Where the engine of `session` listens on this computer; homes are shared by several. Raises UsageError."""
    if not _SESSION.fullmatch(session):
        raise UsageError(_TITLE, "a session is named by 8 to 64 letters, digits and dashes")
    host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())
    return run_dir() / f"{session}.{host}"


def make_own(folder: Path) -> None:
    """Make `folder` for this account alone. Raises PermissionDenied if it belongs to somebody else, NoSpace, NotFound
    or StorageFailed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise PermissionDenied(_TITLE, f"{folder} belongs to somebody else", remedies=(f"Remove {folder}.",))
        if stat.S_IMODE(facts.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise from_os_error(error, _TITLE, folder) from error


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Alone in `folder` for the block; the descriptor is closed at its end, or in a child by the child. Raises
    OSError."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        with suppress(OSError):  # closed in the child
            os.close(lock)


def listen(path: Path) -> socket.socket:
    """A socket that listens at `path`, in place of one that nobody serves any more. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _inside(path.parent):
        listener.bind(path.name)
    listener.listen()
    return listener


def connect(path: Path) -> socket.socket | None:
    """A connection to whoever serves `path`; None if nobody does. Raises OSError, PermissionDenied."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _inside(path.parent):
            connection.connect(path.name)
        if not is_own(connection):
            raise PermissionDenied(_TITLE, f"{path} is served by somebody else")
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def is_own(connection: socket.socket) -> bool:
    """Whether a process of this account is at the other end."""
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _process, user, _group = struct.unpack("3i", facts)
    return bool(user == os.geteuid())


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Names of sockets may have 107 bytes at most: they are given from inside of their folder. For a process without
    other threads."""
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
