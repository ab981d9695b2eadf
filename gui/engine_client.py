# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The only door to the engine: starts its process and speaks `core.engine.messages` with it. GUI thread only."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar, cast

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from core.engine.messages import PROTOCOL, Batch, Call, Cancel, Hello, Reply, Request, Snapshot, ToWindow, encode_call
from core.foundation.errors import EngineGone, ErrorInfo, MirrordeckError
from gui import messages

R = TypeVar("R")
_log = logging.getLogger(__name__)
_LAST_WORDS_BYTES = 4000


class CallFailed(MirrordeckError):
    """The engine answered with an error."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.title, info.why, remedies=info.remedies)
        self._info = info

    def info(self) -> ErrorInfo:
        return self._info


@dataclass(slots=True)
class _Waiting:
    call: Call[Any]
    future: asyncio.Future[Any]
    on_rows: Callable[[list[Any]], None] | None


class EngineClient(QObject):
    """Signals: `engine_ready` after the engine's greeting, `engine_lost(reason)` when it ended by itself,
    `snapshot_received(QueueSnapshot)` up to ten times a second while something moves.
    """

    engine_ready = Signal()
    engine_lost = Signal(str)
    snapshot_received = Signal(object)

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = tuple(command)
        self._process: QProcess | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._last_words = bytearray()
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._decoder = msgspec.json.Decoder(ToWindow)
        self.versions: dict[str, str] = {}

    def start(self) -> None:
        """Start the engine (again). Calls may follow at once: they wait in its input."""
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_last_words)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_process_error)
        self._buffer.clear()
        self._searched = 0
        self._last_words.clear()
        self._process = process
        process.start(self._command[0], list(self._command[1:]))

    @property
    def running(self) -> bool:
        return self._process is not None

    async def call(self, call: Call[R], on_rows: Callable[[list[Any]], None] | None = None) -> R:
        """The answer to `call`; `on_rows` gets each batch of rows before it.

        Raises CallFailed with the engine's own error, EngineGone if there is no engine (any more). Cancelling the
        waiting task tells the engine to stop.
        """
        if self._process is None:
            raise EngineGone(messages.ENGINE_GONE)
        self._next_id += 1
        number = self._next_id
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Waiting(call, future, on_rows)
        self._send(Request(number, call.method, encode_call(call)))
        try:
            return await future
        except asyncio.CancelledError:
            self._send(Cancel(number))
            raise
        finally:
            self._waiting.pop(number, None)

    async def close(self, timeout_s: float = 5.0) -> None:
        """End the engine's input, which makes it stop its work cleanly, and wait for it; at most `timeout_s`."""
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_process_error)
        self._fail_waiting(EngineGone(messages.ENGINE_STOPPED))
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        process.finished.connect(lambda *_: None if ended.done() else ended.set_result(None))
        process.closeWriteChannel()
        if process.state() != QProcess.ProcessState.NotRunning:
            try:
                await asyncio.wait_for(ended, timeout_s)
            except TimeoutError:
                process.terminate()
        process.deleteLater()

    def _send(self, message: Request | Cancel) -> None:
        if self._process is not None:
            self._process.write(msgspec.json.encode(message) + b"\n")

    def _on_output(self) -> None:
        if self._process is None:
            return
        self._buffer += self._process.readAllStandardOutput().data()
        end = self._buffer.rfind(b"\n", self._searched)
        self._searched = len(self._buffer)  # a line of many megabytes arrives in pieces; search each only once
        if end < 0:
            return
        lines = bytes(self._buffer[:end]).split(b"\n")
        del self._buffer[: end + 1]
        self._searched = len(self._buffer)
        for line in lines:
            self._on_line(line)

    def _on_line(self, line: bytes) -> None:
        try:
            message = self._decoder.decode(line)
            self._on_message(message)
        except msgspec.MsgspecError as error:
            _log.error("the engine sent something that is not understood: %s", error)

    def _on_message(self, message: ToWindow) -> None:
        match message:
            case Hello(protocol=protocol, versions=versions):
                self.versions = versions
                if protocol == PROTOCOL:
                    self.engine_ready.emit()
                else:
                    self._lose(messages.ENGINE_OTHER_PROTOCOL)
            case Snapshot(queue=queue):
                self.snapshot_received.emit(queue)
            case Batch(id=number, rows=rows):
                self._on_batch(number, rows)
            case Reply() as reply:
                self._on_reply(reply)

    def _on_batch(self, number: int, rows: msgspec.Raw) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.on_rows is None or waiting.future.done():
            return
        try:
            waiting.on_rows(msgspec.json.decode(rows, type=GenericAlias(list, (waiting.call.row,))))
        except Exception as error:  # whatever the receiver of the rows did wrong belongs to the one who called
            waiting.future.set_exception(error)

    def _on_reply(self, reply: Reply) -> None:
        waiting = self._waiting.get(reply.id)
        if waiting is None or waiting.future.done():
            return
        if reply.error is not None:
            waiting.future.set_exception(CallFailed(reply.error))
            return
        try:
            waiting.future.set_result(msgspec.json.decode(reply.result, type=cast(Any, waiting.call.answer)))
        except msgspec.MsgspecError as error:
            waiting.future.set_exception(error)

    def _on_last_words(self) -> None:
        if self._process is not None:
            self._last_words += self._process.readAllStandardError().data()
            del self._last_words[:-_LAST_WORDS_BYTES]

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._on_last_words()
        words = self._last_words.decode("utf-8", "replace").strip().splitlines()
        crashed = status is QProcess.ExitStatus.CrashExit
        self._lose(words[-1] if words else _killed(exit_code) if crashed else messages.engine_exit(exit_code))

    def _on_process_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self._lose(self._process.errorString())

    def _lose(self, reason: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.state() != QProcess.ProcessState.NotRunning:
            process.closeWriteChannel()
        process.finished.connect(process.deleteLater)
        _log.error("the engine is gone: %s; its last words: %s", reason, self._last_words.decode("utf-8", "replace"))
        self._fail_waiting(EngineGone(messages.ENGINE_GONE, reason))
        self.engine_lost.emit(reason)

    def _fail_waiting(self, error: EngineGone) -> None:
        for waiting in list(self._waiting.values()):
            if not waiting.future.done():
                waiting.future.set_exception(error)
        self._waiting.clear()


def _killed(number: int) -> str:
    try:
        return messages.engine_killed(signal.Signals(number).name)
    except ValueError:
        return messages.engine_exit(number)


def engine_command(*, read_only: bool) -> list[str]:
    """The command that starts the engine. `-P` keeps a `core/` lying in the working directory out; a frozen program is
    its own interpreter and takes a word for it."""
    frozen = getattr(sys, "frozen", False)
    command = [sys.executable, "--engine"] if frozen else [sys.executable, "-P", "-m", "core.engine"]
    return [*command, "--read-only"] if read_only else command
