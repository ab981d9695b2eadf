# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One command for somebody at another computer, or of another account: its terminal and keyring are theirs."""

from __future__ import annotations

import io
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, TextIO, cast

import msgspec

from core.engine.asking import KeyringElsewhere
from core.engine.messages import PROTOCOL, CredentialAnswer, Hello, encode_message
from core.foundation.files import write_all
from core.foundation.release import own_account, versions
from core.remote.command_messages import (
    Exit,
    FromCommand,
    Input,
    Interrupt,
    NeedInput,
    Output,
    RunCommand,
    ToCommand,
    command_decoder,
)

_PIECE = 1 << 16


def serve_command(run: Callable[[Sequence[str], FarCaller], int]) -> int:
    """Greet, have `run` carry out the command that comes on stdin, and tell its exit status. For the main thread."""
    with suppress(OSError):  # the leader of a group already
        os.setsid()  # Ctrl+C comes as a message, not from a terminal as well
    source, sink = os.dup(0), os.dup(1)
    # Neither input nor output of the protocol is for programs that the command starts.
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    caller = FarCaller(source, sink)
    caller.send(Hello(PROTOCOL, versions(), *own_account()))
    wanted = caller.command()
    if wanted is None:
        return 1
    caller.instance = wanted.instance
    os.environ.update(wanted.environ)
    sys.stdin = cast(TextIO, FarInput(caller, wanted.terminals[0]))
    sys.stdout = FarOutput(caller, "stdout", wanted.terminals[1])
    sys.stderr = FarOutput(caller, "stderr", wanted.terminals[2])
    try:
        status = run(wanted.words, caller)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    caller.send(Exit(status))
    return status


class FarCaller:
    """Whoever typed the command, by two descriptors; a thread listens to them. `instance` is what they named here ("":
    nothing), `keyring` is theirs."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._commands: queue.SimpleQueue[RunCommand | None] = queue.SimpleQueue()
        self._inputs: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._gone = False
        self.instance = ""
        self.keyring = KeyringElsewhere()
        self.keyring.connect(self.send)
        threading.Thread(target=self._listen, name="caller", daemon=True).start()

    def send(self, message: FromCommand) -> None:
        """To somebody who may have left: then nothing happens."""
        with self._lock, suppress(OSError):
            write_all(self._sink, encode_message(message))

    def command(self) -> RunCommand | None:
        """What to run; None if the caller left before."""
        return self._commands.get()

    def typed(self, kind: Literal["line", "all", "hidden"], prompt: str = "") -> str:
        if self._gone:
            return ""
        self.send(NeedInput(kind, prompt))
        return self._inputs.get()

    def _listen(self) -> None:
        decoder, pending = command_decoder(), b""
        with suppress(OSError):
            while piece := os.read(self._source, _PIECE):
                *lines, pending = (pending + piece).split(b"\n")
                for line in lines:
                    with suppress(msgspec.MsgspecError):
                        self._take(decoder.decode(line))
        self._gone = True
        self._commands.put(None)
        self._inputs.put("")
        self.keyring.disconnect(self.send)
        os.kill(os.getpid(), signal.SIGINT)  # nobody is there any more: as if they had stopped it

    def _take(self, message: ToCommand) -> None:
        match message:
            case RunCommand():
                self._commands.put(message)
            case Input(text=text):
                self._inputs.put(text.reveal())
            case Interrupt():
                os.kill(os.getpid(), signal.SIGINT)
            case CredentialAnswer():
                self.keyring.answered(message)


class FarOutput(io.TextIOBase):
    """stdout or stderr of the caller. Any thread."""

    encoding = "utf-8"

    def __init__(self, caller: FarCaller, stream: Literal["stdout", "stderr"], terminal: bool) -> None:
        self._caller = caller
        self._stream: Literal["stdout", "stderr"] = stream
        self._terminal = terminal
        self._held: list[str] = []
        self._lock = threading.RLock()

    def isatty(self) -> bool:
        return self._terminal

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            self._held.append(text)
            if "\n" in text:
                self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            held = "".join(self._held).encode("utf-8", "backslashreplace").decode()
            self._held.clear()
            if held:
                self._caller.send(Output(self._stream, held))


class FarInput(io.TextIOBase):
    """stdin of the caller, asked for when it is needed."""

    def __init__(self, caller: FarCaller, terminal: bool) -> None:
        self._caller = caller
        self._terminal = terminal

    @property
    def buffer(self) -> io.BytesIO:
        """All that is left, as bytes."""
        return io.BytesIO(self.read().encode())

    def isatty(self) -> bool:
        return self._terminal

    def readable(self) -> bool:
        return True

    def read(self, _size: int | None = -1) -> str:
        return self._caller.typed("all")

    def readline(self, _size: int = -1) -> str:  # type: ignore[override]
        return self._caller.typed("line")
