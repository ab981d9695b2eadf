# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine that outlives the connection to its window: it listens at a socket, to which relay.py connects windows."""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import threading
import time
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from core.engine.asking import KeyringElsewhere
from core.engine.dispatch import handler_table
from core.engine.messages import PROTOCOL, SILENCE_S, Hello
from core.engine.server import Server, request_pool
from core.engine.sockets import is_own
from core.engine.state import EngineState
from core.foundation.logs import start_log
from core.foundation.redaction import crash_text
from core.foundation.release import own_account, versions

_log = logging.getLogger(__name__)
_NOBODY = "nobody is there to watch"


def become_engine(listener: socket.socket, path: Path, session: str, *, wait_s: int, read_only: bool) -> NoReturn:
    """Leave the terminal, the connection and the process that started this one; never returns. For the main thread of a
    process without others."""
    status = 1
    try:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.chdir(Path.home())
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        os.close(nowhere)
        start_log("engine", to_file=not read_only)
        Detached(listener, path, session, wait_s=wait_s, read_only=read_only).serve()
        status = 0
    except BaseException as error:
        _log.critical("the engine ended by itself: %s", crash_text(error))
    finally:
        # Whatever else is on the stack belongs to the process this one was a copy of.
        os._exit(status)


class Detached:
    """The engine behind `listener`: serves one window at a time, the newest, and waits `wait_s` seconds for the next
    one when it is gone without a goodbye, or silent for so long that the way to it must be dead."""

    def __init__(self, listener: socket.socket, path: Path, session: str, *, wait_s: int, read_only: bool) -> None:
        self._listener = listener
        self._path = path
        self._session = session
        self._wait_s = wait_s
        self._state = EngineState(read_only=read_only, keyring_elsewhere=KeyringElsewhere(), session=session)
        self._handlers = handler_table(self._state)
        self._pool = request_pool()
        # Windows that came, visits that ended, None to stop.
        self._events: queue.SimpleQueue[socket.socket | _Visit | None] = queue.SimpleQueue()

    def serve(self) -> None:
        """Returns after a goodbye, a signal to end, or when nobody came for too long; everything is closed in order."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._events.put(None))
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, lambda _number, _frame: None)
        threading.Thread(target=self._accept, name="accept", daemon=True).start()
        leaving: _Visit | None = None
        try:
            leaving = self._serve_windows()
        finally:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not end a wait for windows
            self._listener.close()
            self._state.close()
            self._pool.shutdown()
            if leaving is not None:
                leaving.end()

    def _serve_windows(self) -> _Visit | None:
        """Until it is time to stop; gives the visit of a window that said goodbye and waits for the end."""
        visit: _Visit | None = None
        visits, patience_ends = 0, time.monotonic() + self._wait_s
        while True:
            ends = visit.heard_at + SILENCE_S if visit is not None else patience_ends
            try:
                event = self._events.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                if visit is None:
                    return None
                if visit.heard_at + SILENCE_S <= time.monotonic():
                    _log.warning("the window has been silent for too long")
                    visit.end()  # which is an event
                continue
            if isinstance(event, socket.socket):
                if visit is not None:
                    visit.end()
                self._state.queue.pause(False, by=_NOBODY)
                hello = Hello(PROTOCOL, versions(), *own_account(), session=self._session, attached=visits > 0)
                source, sink = event.makefile("rb"), event.makefile("wb")
                server = Server(source, sink, self._state, self._handlers, hello)
                visit = _Visit((source, sink, event), server, self._pool, self._events)
                visits += 1
            elif event is None:
                if visit is not None:
                    visit.end()
                return None
            elif event is visit:
                if visit.goodbye:
                    return visit
                visit = None
                self._state.queue.pause(True, by=_NOBODY)
                patience_ends = time.monotonic() + self._wait_s

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            if is_own(connection):
                self._events.put(connection)
            else:
                connection.close()


class _Visit:
    """A window that is connected: served in a thread, which reports the end. `goodbye`: it does not come back."""

    def __init__(
        self,
        streams: tuple[BinaryIO, BinaryIO, socket.socket],
        server: Server,
        pool: Executor,
        events: queue.SimpleQueue[Any],
    ) -> None:
        self._streams = streams
        self._connection = streams[-1]
        self._server = server
        self._pool = pool
        self._events = events
        self.goodbye = False
        self._thread = threading.Thread(target=self._serve, name="window")
        self._thread.start()

    @property
    def heard_at(self) -> float:
        """When the window last said anything."""
        return self._server.heard_at

    def end(self) -> None:
        """Disconnect the window; returns when nothing is said to it any more."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._close()

    def _serve(self) -> None:
        try:
            self.goodbye = self._server.talk(self._pool)
        finally:
            if not self.goodbye:
                self._hang_up()
            self._events.put(self)

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._close()

    def _close(self) -> None:
        for stream in self._streams:
            with suppress(OSError, ValueError):  # what was not written yet cannot be
                stream.close()
