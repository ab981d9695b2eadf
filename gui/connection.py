# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One engine: its process, and the calls that wait for its answers. GUI thread only."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, TypeVar, cast

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from core.engine.messages import (
    PROTOCOL,
    Batch,
    Call,
    Cancel,
    FromWindow,
    Hello,
    Reply,
    Request,
    Snapshot,
    ToEngine,
    ToWindow,
    encode_call,
    encode_message,
    window_decoder,
)
from core.foundation.decoding import from_json
from core.foundation.errors import EngineGone, ErrorInfo, MirrordeckError
from core.remote.address import HERE
from core.transfers.model import QueueSnapshot, Totals
from gui import messages

R = TypeVar("R")
_log = logging.getLogger(__name__)
_LAST_WORDS_BYTES = 4000
_TERMINATE_S = 1.0


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


class Connection(QObject):
    """Signals: `greeted(Hello)` when the engine is there, `ended(reason)` when it is gone by itself,
    `snapshot_received(QueueSnapshot)` up to ten times a second while something moves, `push_ended(PushStatus)` after
    one of them, once for each push that has ended since the last, however short it was.

    `place` is where it runs; `hello` is the last greeting, None before the first; `totals` are those of the last
    snapshot.
    """

    greeted = Signal(object)
    ended = Signal(str)
    snapshot_received = Signal(object)
    push_ended = Signal(object)
    place = HERE

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, parent: QObject | None = None
    ) -> None:
        """`environment` is added to that of this process."""
        super().__init__(parent)
        self._command = tuple(command)
        self._environment = dict(environment or {})
        self._process: QProcess | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._last_words = bytearray()
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._unsent: list[ToEngine] = []
        self._expecting: list[asyncio.Future[None]] = []
        self._met = False
        self._decoder = window_decoder()
        self.hello: Hello | None = None
        self.totals = Totals()
        self._pushes: dict[str, bool] = {}  # whether it had ended, by id

    def start(self) -> None:
        """Start the engine (again). Calls may follow at once: they are sent when it has greeted."""
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        for name, value in self._environment.items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_last_words)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_process_error)
        self._buffer.clear()
        self._searched = 0
        self._last_words.clear()
        self._unsent.clear()
        self._met = False
        self.prepare(process)
        self._process = process
        process.start(self._command[0], list(self._command[1:]))

    @property
    def running(self) -> bool:
        """Whether calls are possible."""
        return self._process is not None

    @property
    def met(self) -> bool:
        """Whether the engine that runs now has greeted."""
        return self.running and self._met

    async def call(self, call: Call[R], on_rows: Callable[[list[Any]], None] | None = None) -> R:
        """The answer to `call`; `on_rows` gets each batch of rows before it.

        Raises CallFailed with the engine's own error, EngineGone if there is no engine (any more). Cancelling the
        waiting task tells the engine to stop.
        """
        if self._process is None:
            raise self.gone()
        self._next_id += 1
        number = self._next_id
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Waiting(call, future, on_rows)
        self.send(Request(number, call.method, encode_call(call)))
        try:
            return await future
        except asyncio.CancelledError:
            self.send(Cancel(number))
            raise
        finally:
            self._waiting.pop(number, None)

    def send(self, message: ToEngine) -> None:
        """Send `message`, once the engine has greeted."""
        if self._process is None:
            return
        if self._met:
            self.write(message)
        else:
            self._unsent.append(message)

    def write(self, message: FromWindow) -> None:
        """Send `message` whatever is at the other end yet."""
        if self._process is not None:
            self._process.write(encode_message(message))

    @property
    def unwritten_bytes(self) -> int:
        """What was sent and has not left this process."""
        return self._process.bytesToWrite() if self._process is not None else 0

    async def greeting(self) -> None:
        """Wait until the engine has greeted. Raises EngineGone if it ends before."""
        if self.met:
            return
        if self._process is None:
            raise self.gone()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expecting.append(future)
        await future

    async def close(self, timeout_s: float = 5.0) -> None:
        """End the engine's input, which makes it stop its work cleanly, and wait for it; at most `timeout_s`."""
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_process_error)
        self.totals = Totals()
        self._fail_waiting(EngineGone(messages.ENGINE_STOPPED))
        await _end(process, timeout_s)

    def abandon(self) -> None:
        """End the process at once, whatever it does, and say nothing of it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_process_error)
        process.finished.connect(process.deleteLater)
        process.terminate()
        self._fail_waiting(EngineGone(messages.ENGINE_STOPPED))

    # What a kind of engine does in its own way

    def prepare(self, process: QProcess) -> None:
        """Before `process` is started."""

    def gone(self, reason: str = "") -> EngineGone:
        """What calls raise that cannot be answered."""
        return EngineGone(messages.ENGINE_GONE, reason)

    def other_version(self, _hello: Hello) -> str:
        """Why an engine cannot be used that speaks another protocol."""
        return messages.ENGINE_OTHER_PROTOCOL

    def on_lost(self, reason: str) -> None:
        """The engine ended by itself."""
        self.ended.emit(reason)

    def on_message(self, message: ToWindow) -> None:
        """A message of a kind that only some engines send."""
        _log.error("the engine sent a message that is not expected: %s", type(message).__name__)

    # Reading

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
        except msgspec.MsgspecError as error:
            _log.error("the engine sent something that is not understood: %s", error)
            return
        self._on_message(message)

    def _on_message(self, message: ToWindow) -> None:
        match message:
            case Hello() as hello:
                self._on_hello(hello)
            case Snapshot(queue=queue):
                self._on_snapshot(queue)
            case Batch(id=number, rows=rows):
                self._on_batch(number, rows)
            case Reply() as reply:
                self._on_reply(reply)
            case _:
                self.on_message(message)

    def _on_hello(self, hello: Hello) -> None:
        self.hello = hello
        if hello.protocol != PROTOCOL:
            self.lose(self.other_version(hello))
            return
        self._met = True
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self.write(message)
        for future in self._expecting:
            if not future.done():
                future.set_result(None)
        self._expecting.clear()
        self.greeted.emit(hello)

    def _on_snapshot(self, queue: QueueSnapshot) -> None:
        self.totals = queue.overall
        self.snapshot_received.emit(queue)
        before, self._pushes = self._pushes, {push.id: push.ended for push in queue.pushes}
        for push in queue.pushes:
            # A full snapshot answers somebody who begins to look: what it names first is no news.
            if push.ended and not before.get(push.id, queue.full):
                self.push_ended.emit(push)

    def _on_batch(self, number: int, rows: msgspec.Raw) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.on_rows is None or waiting.future.done():
            return
        try:
            waiting.on_rows(from_json(rows, cast(Any, GenericAlias(list, (waiting.call.row,)))))
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
            waiting.future.set_result(from_json(reply.result, cast(Any, waiting.call.answer)))
        except msgspec.MsgspecError as error:
            waiting.future.set_exception(error)

    # The end

    def _on_last_words(self) -> None:
        if self._process is not None:
            self._last_words += self._process.readAllStandardError().data()
            del self._last_words[:-_LAST_WORDS_BYTES]

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._on_last_words()
        words = self._last_words.decode("utf-8", "replace").strip().splitlines()
        crashed = status is QProcess.ExitStatus.CrashExit
        self.lose(words[-1] if words else _killed(exit_code) if crashed else messages.engine_exit(exit_code))

    def _on_process_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self.lose(self._process.errorString())

    def lose(self, reason: str) -> None:
        """Take the engine for gone, because of `reason`."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.state() != QProcess.ProcessState.NotRunning:
            process.closeWriteChannel()
        process.finished.connect(process.deleteLater)
        _log.error("the engine is gone: %s; its last words: %s", reason, self._last_words.decode("utf-8", "replace"))
        self._fail_waiting(self.gone(reason))
        self.on_lost(reason)

    def _fail_waiting(self, error: EngineGone) -> None:
        for future in [*(waiting.future for waiting in self._waiting.values()), *self._expecting]:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        self._expecting.clear()


async def _end(process: QProcess, timeout_s: float) -> None:
    """Wait for `process`, then ask it to end, then make it."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    process.finished.connect(lambda *_: None if ended.done() else ended.set_result(None))
    process.closeWriteChannel()
    for wait_s, insist in ((timeout_s, process.terminate), (_TERMINATE_S, process.kill)):
        if process.state() == QProcess.ProcessState.NotRunning:
            break
        try:
            await asyncio.wait_for(asyncio.shield(ended), wait_s)
        except TimeoutError:
            insist()
    process.deleteLater()


def _killed(number: int) -> str:
    try:
        return messages.engine_killed(signal.Signals(number).name)
    except ValueError:
        return messages.engine_exit(number)
