# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ends exchanges that go nowhere, or that nobody wants any more.

Time-outs of sockets start anew with every byte, so a server that drips defeats them, and they do not see a cancelled
token. One thread looks at all exchanges of a transport instead and shuts down the socket of a bad one; whoever is
blocked on it wakes up with an error and asks the watch for the reason.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.network.limits import SILENCE_S, SLOW_WINDOW_S, SLOWEST_BYTES_PER_S

_LOOK_EVERY_S = 0.05
_JOIN_S = 5.0


class Watch:
    """One exchange. The thread that runs it says what it waits for; the watchdog's thread calls `check`."""

    def __init__(self, clock: Clock, token: CancelToken) -> None:
        self.token = token
        self.stalled = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._silent_since: float | None = None
        self._resting_since: float | None = None
        self._allowed_s = 0.0
        self._paced = False
        self._window_start = clock.monotonic()
        self._window_bytes = 0

    def attach(self, connection: socket.socket | None) -> None:
        """What to shut down; None while there is no connection."""
        with self._lock:
            self._socket = connection

    def expect(self, seconds: float, *, paced: bool = False) -> None:
        """From now on something has to happen within `seconds`, and at a decent rate if `paced`."""
        with self._lock:
            now = self._clock.monotonic()
            if paced != self._paced:
                self._window_start, self._window_bytes = now, 0
            elif self._resting_since is not None:
                self._window_start += now - self._resting_since
            self._resting_since = None
            self._silent_since, self._allowed_s, self._paced = now, seconds, paced

    def moved(self, count: int) -> None:
        """`count` bytes went through."""
        with self._lock:
            self._silent_since = self._clock.monotonic()
            self._window_bytes += count

    def rest(self) -> None:
        """Nothing is waited for until `expect` is called again."""
        with self._lock:
            self._silent_since = None
            self._resting_since = self._clock.monotonic()

    def check(self) -> None:
        """Shut the socket down if the exchange is cancelled or stalled."""
        with self._lock:
            if not self.token.cancelled and not self._stalls(self._clock.monotonic()):
                return
            if self._socket is not None:
                # Not SSLSocket.shutdown: that one drops the encryption under the feet of the thread using it.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _stalls(self, now: float) -> bool:
        if self._silent_since is None:
            return False
        silence = now - self._silent_since
        if silence >= self._allowed_s:
            self.stalled = f"nothing came for {silence:.0f} seconds"
        elif self._paced and now - self._window_start >= SLOW_WINDOW_S:
            if self._window_bytes < SLOWEST_BYTES_PER_S * (now - self._window_start):
                self.stalled = f"only {self._window_bytes} bytes went through in {now - self._window_start:.0f} seconds"
            self._window_start, self._window_bytes = now, 0
        return self.stalled != ""


class Watchdog:
    """Starts its thread with the first watch; `close` ends it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def watching(self, token: CancelToken) -> Iterator[Watch]:
        watch = Watch(self._clock, token)
        watch.expect(SILENCE_S)
        with self._changed:
            self._watches.add(watch)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="network watchdog", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.discard(watch)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None and thread.is_alive():  # a signal may have come before it was started
            thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                watches = list(self._watches)
                if not watches:
                    self._changed.wait()
                    continue
            for watch in watches:
                watch.check()
            with self._changed:
                if not self._closed:
                    self._changed.wait(_LOOK_EVERY_S)
