# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What was started for a window whose engine outlives the connection: passes on bytes between the two.

Imports little, so that a window that comes back meets its engine at once.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import suppress

from core.engine.messages import Absent, encode_message
from core.engine.sockets import connect, listen, locked, make_own, socket_path
from core.foundation.errors import MirrordeckError, from_os_error
from core.foundation.files import write_all

_PIECE = 1 << 16


def attach(session: str, *, wait_s: int, read_only: bool) -> None:
    """Connect stdin and stdout to the engine of `session`, started unless it runs; returns when either end closes.

    What is in the way is told as `Absent`. For the main thread of a process without others.
    """
    try:
        connection = _met_or_started(session, wait_s=wait_s, read_only=read_only)
    except (MirrordeckError, OSError) as error:
        known = error if isinstance(error, MirrordeckError) else from_os_error(error, "The engine was not started")
        write_all(1, encode_message(Absent(" ".join((known.info().sentence(), *known.remedies)), can_install=False)))
        sys.exit(1)
    with connection, suppress(BrokenPipeError, ConnectionResetError):
        _pass_on(connection)


def _met_or_started(session: str, *, wait_s: int, read_only: bool) -> socket.socket:
    path = socket_path(session)
    make_own(path.parent)
    with locked(path.parent) as lock:
        met = connect(path)
        if met is not None:
            return met
        listener = listen(path)
        child = os.fork()
        if child == 0:
            os.close(lock)
            from core.engine.detached import become_engine

            become_engine(listener, path, session, wait_s=wait_s, read_only=read_only)
        listener.close()
        os.waitpid(child, 0)
    started = connect(path)
    if started is None:
        raise MirrordeckError("The engine ended at once", "its log says more")
    return started


def _pass_on(connection: socket.socket) -> None:
    watched: list[int | socket.socket] = [0, connection]
    while True:
        ready = select.select(watched, [], [])[0]
        if connection in ready:
            piece = connection.recv(_PIECE)
            if not piece:
                return
            write_all(1, piece)
        if 0 in ready:
            piece = os.read(0, _PIECE)
            if piece:
                connection.sendall(piece)
            else:
                watched.remove(0)
                connection.shutdown(socket.SHUT_WR)
