# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine that outlives its window notices that the way to it is dead, though nobody told so."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.engine import detached
from core.engine.calls.instances import ListInstances, OpenInstance
from core.engine.calls.mirrors import ListMirrors
from core.engine.detached import Detached
from core.engine.dispatch import handler_table
from core.engine.messages import (
    Goodbye,
    Hello,
    Ping,
    Reply,
    Request,
    Snapshot,
    encode_call,
    encode_message,
    window_decoder,
)
from core.engine.server import Server, request_pool
from core.engine.sockets import connect, listen
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.sample import make_sample_instance

SESSION = "session-1"
LIMIT_S = 60.0


class Visitor:
    """A window, by its lines."""

    def __init__(self, path: Path) -> None:
        connection = connect(path)
        assert connection is not None
        self._connection = connection
        connection.settimeout(LIMIT_S)
        self._file = connection.makefile("rwb")
        self.hello = self.receive()

    def send(self, message: Ping | Goodbye | Request) -> None:
        self._file.write(encode_message(message))
        self._file.flush()

    def receive(self) -> object:
        """The next message, but for snapshots; None at the end."""
        while line := self._file.readline():
            message = window_decoder().decode(line)
            if not isinstance(message, Snapshot):
                return message
        return None

    def close(self) -> None:
        self._file.close()
        self._connection.close()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where an engine listens that bears no silence longer than a fifth of a second."""
    monkeypatch.setattr(detached, "SILENCE_S", 0.2)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    path = tmp_path / "socket"
    engine = Detached(listen(path), path, SESSION, wait_s=60, read_only=True)
    thread = threading.Thread(target=engine.serve, name="engine")
    thread.start()
    yield path
    last = Visitor(path)
    last.send(Goodbye())
    thread.join(LIMIT_S)
    last.close()
    assert not thread.is_alive()


def test_a_silent_window_is_taken_for_gone_and_may_come_back(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected_warnings: list[str]
) -> None:
    expected_warnings.append("silent for too long")
    first = Visitor(path)
    assert isinstance(first.hello, Hello)
    assert not first.hello.attached
    assert first.receive() is None
    first.close()
    monkeypatch.setattr(detached, "SILENCE_S", LIMIT_S)
    second = Visitor(path)
    assert isinstance(second.hello, Hello)
    assert second.hello.attached
    second.close()


def test_every_line_is_a_sign_of_life() -> None:
    window, engine = socket.socketpair()
    state = EngineState(read_only=True)
    source, sink = engine.makefile("rb"), engine.makefile("wb")
    server = Server(source, sink, state, {}, Hello(0, {}))
    with window, engine, source, sink, request_pool() as pool:
        talking = threading.Thread(target=server.talk, args=(pool,))
        talking.start()
        lines = window.makefile("rwb")
        assert lines.readline()
        before = server.heard_at
        for number, sign in ((1, b""), (2, encode_message(Ping()))):
            lines.write(sign + encode_message(Request(number, "nothing", encode_call(ListInstances()))))
            lines.flush()
            assert isinstance(window_decoder().decode(lines.readline()), Reply)
            assert server.heard_at > before
            before = server.heard_at
        lines.write(encode_message(Goodbye()))
        lines.close()
        talking.join(LIMIT_S)
    state.close()


@pytest.mark.parametrize(("session", "other"), [("one", ""), ("", "one"), ("one", "two")])
def test_ids_of_one_engine_are_none_of_another(session, other, tmp_path):
    make_sample_instance(tmp_path / "spack")
    states = [EngineState(read_only=True, session=each) for each in (session, other)]
    ours, theirs = (handler_table(state) for state in states)

    def ask(table, call):
        return table[type(call)](call, CancelToken())

    first, second = (ask(table, OpenInstance(str(tmp_path / "spack"))) for table in (ours, theirs))
    assert first.root == second.root
    assert first.id != second.id
    assert ask(ours, ListInstances()) == (first,)
    assert ask(ours, ListMirrors(first.id)).rows
    with pytest.raises(NotFound, match="not open"):
        ask(theirs, ListMirrors(first.id))
    for state in states:
        state.close()
