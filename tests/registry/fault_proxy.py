# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Something between us and a real registry that breaks connections, holds them up, or answers for itself."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

_PIECE = 16 << 10
_GIVE_UP_S = 10.0


@dataclass(frozen=True)
class Trouble:
    """What becomes of one connection. `cut_up` and `cut_down` end it after so many bytes to and from the registry;
    `status` answers the first request instead of the registry; every piece waits `delay_s`."""

    cut_up: int | None = None
    cut_down: int | None = None
    status: int = 0
    delay_s: float = 0.0


NONE = Trouble()


class FaultProxy:
    """`with FaultProxy("127.0.0.1:5000") as proxy:`; `proxy.host` is where to go. The n-th connection has the n-th
    trouble, those after the last one have none."""

    def __init__(self, target: str, troubles: Iterable[Trouble] = ()) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._troubles = list(troubles)
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> FaultProxy:
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = list(self._sockets)
        for one in left:
            _end(one)
        for thread in self._threads:
            thread.join(_GIVE_UP_S)

    def cut_all(self) -> None:
        """End all connections there are, as after a sleep or on another network."""
        with self._lock:
            left, self._sockets = self._sockets, set()
        for one in left:
            _end(one)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                trouble = self._troubles.pop(0) if self._troubles else NONE
                self._sockets.add(client)
            self._start(self._serve, client, trouble)

    def _serve(self, client: socket.socket, trouble: Trouble) -> None:
        try:
            if trouble.status:
                client.recv(_PIECE)
                head = f"HTTP/1.1 {trouble.status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                client.sendall(head.encode())
                return
            server = socket.create_connection(self._target, _GIVE_UP_S)
            with self._lock:
                self._sockets.add(server)
            back = threading.Thread(target=_pump, args=(server, client, trouble.cut_down, trouble.delay_s), daemon=True)
            back.start()
            _pump(client, server, trouble.cut_up, trouble.delay_s)
            back.join(_GIVE_UP_S)
        except OSError:
            pass
        finally:
            _end(client)


def _pump(source: socket.socket, sink: socket.socket, limit: int | None, delay_s: float) -> None:
    """Move bytes until one end closes or `limit` of them have passed; then both ends are closed."""
    moved = 0
    try:
        while piece := source.recv(_PIECE if limit is None else max(1, min(_PIECE, limit - moved))):
            if delay_s:
                time.sleep(delay_s)
            sink.sendall(piece)
            moved += len(piece)
            if limit is not None and moved >= limit:
                break
    except OSError:
        pass
    _end(source)
    _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
