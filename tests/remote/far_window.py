# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a window does with an engine at another place, without a window: one request at a time."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.engine.calls.transfers import WatchTransfers
from core.engine.messages import (
    Absent,
    Batch,
    Call,
    CredentialAnswer,
    FromWindow,
    Goodbye,
    Hello,
    NeedCredential,
    Reply,
    Request,
    Snapshot,
    ToWindow,
    encode_call,
    encode_message,
    window_decoder,
)
from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
from core.remote.engine_archive import engine_archive, install_parts
from core.transfers.model import QueueSnapshot, TransferRow

LIMIT_S = 300.0


class FarWindow:
    """`keyring` answers the engine's questions: entries by account. `first` is what the other side said first."""

    def __init__(self, argv: Sequence[str], keyring: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.keyring = {} if keyring is None else keyring
        self.asked: list[NeedCredential] = []
        self.rows: dict[str, TransferRow] = {}
        self.queue: QueueSnapshot | None = None
        self._decoder = window_decoder()
        self._number = 0
        # Nothing here may wait for ever, whatever the other side does.
        self._guard = threading.Timer(LIMIT_S, self.process.kill)
        self._guard.start()
        self.first = self.receive()

    @property
    def hello(self) -> Hello:
        assert isinstance(self.first, Hello), (self.first, self.errors())
        return self.first

    @property
    def absent(self) -> Absent:
        assert isinstance(self.first, Absent), self.first
        return self.first

    def install(self) -> None:
        """Send the engine, and meet it."""
        assert self.absent.can_install, self.first
        for part in install_parts(engine_archive()):
            self.send(part)
        self.first = self.receive()

    def send(self, message: FromWindow) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode_message(message))
        self.process.stdin.flush()

    def receive(self) -> ToWindow | None:
        """The next message; None at the end. Snapshots are kept, questions answered."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return None
        message = self._decoder.decode(line)
        if isinstance(message, Snapshot):
            self.queue = message.queue
            if message.queue.full:
                self.rows.clear()
            self.rows.update({row.id: row for row in message.queue.rows})
        elif isinstance(message, NeedCredential):
            self.asked.append(message)
            self.send(self._answer(message))
        return message

    def begin(self, call: Call[Any]) -> int:
        self._number += 1
        self.send(Request(self._number, call.method, encode_call(call)))
        return self._number

    def ask(self, call: Call[Any], rows: list[Any] | None = None) -> Any:
        """The answer; an ErrorInfo where the engine replied with one."""
        number = self.begin(call)
        while True:
            message = self.receive()
            assert message is not None, self.errors()
            if isinstance(message, Batch) and rows is not None:
                rows += msgspec.json.decode(message.rows, type=list[call.row])  # type: ignore[name-defined]
            if isinstance(message, Reply) and message.id == number:
                if message.error is not None:
                    return message.error
                return msgspec.json.decode(message.result, type=call.answer)  # type: ignore[arg-type]

    def done(self, call: Call[Any]) -> Any:
        """`ask` of something that must work."""
        answer = self.ask(call)
        assert not isinstance(answer, ErrorInfo), answer
        return answer

    def watch_until(self, reached: Callable[[], bool]) -> None:
        """Take snapshots until `reached`."""
        self.done(WatchTransfers())
        while self.queue is None or not reached():
            assert self.receive() is not None, self.errors()

    def ended(self) -> bool:
        """Whether every push that is known has ended."""
        return self.queue is not None and bool(self.queue.pushes) and all(push.ended for push in self.queue.pushes)

    def kill(self) -> None:
        """Lose the connection, as when a cable is pulled."""
        self.process.kill()
        self._finish()

    def goodbye(self) -> None:
        """Close on purpose, and wait for the engine's end."""
        self.send(Goodbye())
        while self.receive() is not None:
            pass
        self._finish()
        assert self.process.returncode == 0

    def errors(self) -> str:
        """What the other side wrote to stderr, after its end."""
        self.process.kill()
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def _finish(self) -> None:
        self._guard.cancel()
        self._guard.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        self.process.wait()

    def _answer(self, need: NeedCredential) -> CredentialAnswer:
        found = self.keyring.get(need.account)
        if need.action == "set":
            assert need.secret is not None
            self.keyring[need.account] = need.secret.reveal()
        elif need.action == "delete":
            self.keyring.pop(need.account, None)
        elif need.action == "get":
            return CredentialAnswer(need.id, Secret(found) if found is not None else None)
        return CredentialAnswer(need.id)


def processes_with(word: str, *, home: Path | None = None) -> list[int]:
    """Processes with `word` in their arguments, other than this one; with `home` only those that live there: other
    tests may run beside this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes()
            lives_there = home is None or f"HOME={home}\0".encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if lives_there and word.encode() in arguments and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def traces_of(secret: str, *places: Path) -> list[str]:
    """Where `secret` can be read: in files, arguments and environments of processes."""
    files = [path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    files += [path for name in ("cmdline", "environ") for path in Path("/proc").glob(f"[0-9]*/{name}")]
    found = []
    for path in files:
        try:
            if secret.encode() in path.read_bytes():
                found.append(str(path))
        except OSError:
            continue  # it ended meanwhile
    return found


def wait_until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + LIMIT_S
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.02)
