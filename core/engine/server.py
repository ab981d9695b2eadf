# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The loop of the engine process: lines in, answers out, snapshots while something moves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, BinaryIO

import msgspec

from core.engine.messages import (
    Batch,
    Call,
    Cancel,
    CredentialAnswer,
    Goodbye,
    Hello,
    Reply,
    Request,
    Snapshot,
    ToEngine,
    ToWindow,
    decode_call,
    encode_message,
    engine_decoder,
)
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, MirrordeckError, UsageError, describe
from core.foundation.logs import current_request

_log = logging.getLogger(__name__)
# Most of them wait for networks: tests of dead mirrors must leave room for what the pages ask.
_REQUESTS_AT_ONCE = 32
_SNAPSHOT_INTERVAL_S = 0.1
# In one snapshot: the window takes them in between two frames.
_MOST_ROWS = 1000


def request_pool() -> ThreadPoolExecutor:
    """Threads that requests run in."""
    return ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="request")


class Server:
    """Serves one window over a pair of byte streams until its input ends.

    Requests run in a pool, so that slow ones do not hold up the others; every line is written whole. `heard_at` is when
    the window last said anything, by time.monotonic.
    """

    def __init__(
        self,
        source: BinaryIO,
        sink: BinaryIO,
        state: EngineState,
        handlers: Mapping[type[Call[Any]], Handler],
        hello: Hello,
    ) -> None:
        self._source = source
        self._sink = sink
        self._state = state
        self._hello = hello
        self._writing = threading.Lock()
        self._running: dict[int, CancelToken] = {}
        self._stopped = threading.Event()
        self.heard_at = time.monotonic()
        self._calls = {call.method: (call, handler) for call, handler in handlers.items()}

    def serve(self) -> None:
        """Blocks until the input ends; then stops transfers cleanly and returns."""
        with request_pool() as pool:
            try:
                self.talk(pool)
            finally:
                self._state.close()

    def talk(self, pool: Executor) -> bool:
        """Blocks until the input ends: True if the window said so before. Requests that run in `pool` are cancelled;
        they end when they can, unheard."""
        self._send(self._hello)
        keyring = self._state.keyring_elsewhere
        if keyring is not None:
            keyring.connect(self._send)
        ticker = threading.Thread(target=self._tick, name="snapshots", daemon=True)
        ticker.start()
        try:
            return self._listen(pool)
        finally:
            self._stopped.set()
            if keyring is not None:
                keyring.disconnect(self._send)
            for token in list(self._running.values()):
                token.cancel()
            ticker.join()

    def _listen(self, pool: Executor) -> bool:
        """Take messages until a goodbye (True) or the end of the input."""
        decoder = engine_decoder()
        for message in self._messages(decoder):
            match message:
                case Request():
                    self._running[message.id] = token = CancelToken()
                    pool.submit(self._answer, message, token)
                case Cancel(id=number):
                    running = self._running.get(number)
                    if running is not None:
                        running.cancel()
                case CredentialAnswer():
                    if self._state.keyring_elsewhere is not None:
                        self._state.keyring_elsewhere.answered(message)
                case Goodbye():
                    return True
        return False

    def _messages(self, decoder: msgspec.json.Decoder[ToEngine]) -> Iterator[ToEngine]:
        while True:
            try:
                line = self._source.readline()
            except (OSError, ValueError):  # the connection broke, or was given to another window
                return
            if not line.endswith(b"\n"):
                return  # the end, or half a message before it
            self.heard_at = time.monotonic()
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                _log.error("the window sent something that is not understood: %s", error)

    def _answer(self, request: Request, token: CancelToken) -> None:
        current_request.set(f"{request.id} {request.method}")
        _log.info("asked")
        try:
            result = self._run(request, token)
            reply = Reply(request.id, msgspec.Raw(msgspec.json.encode(result)))
        except Exception as error:
            if not isinstance(error, (MirrordeckError, Cancelled)):
                _log.exception("request failed unexpectedly")
            reply = Reply(request.id, error=describe(error))
        _log.info("answered: %s", reply.error.code if reply.error else "ok")
        self._running.pop(request.id, None)
        self._send(reply)

    def _run(self, request: Request, token: CancelToken) -> object:
        if request.method not in self._calls:
            raise UsageError("The engine does not know this request", request.method)
        kind, handler = self._calls[request.method]
        answer = handler(decode_call(request.params, kind), token)
        if isinstance(answer, Iterator):
            return self._stream(request.id, answer, token)
        return answer

    def _stream(self, request_id: int, batches: Iterator[object], token: CancelToken) -> object:
        """Send every list the handler yields as a batch; the last thing it yields is the answer."""
        for part in batches:
            token.raise_if_cancelled()
            if not isinstance(part, list):
                return part
            self._send(Batch(request_id, msgspec.Raw(msgspec.json.encode(part))))
        raise AssertionError("a streaming handler must end with its answer")

    def _tick(self) -> None:
        while not self._stopped.wait(_SNAPSHOT_INTERVAL_S):
            if self._state.queue.has_news():
                self._send(Snapshot(self._state.queue.snapshot(_MOST_ROWS)))

    def _send(self, message: ToWindow) -> None:
        line = encode_message(message)
        with self._writing:
            try:
                self._sink.write(line)
                self._sink.flush()
            except (OSError, ValueError):
                self._stopped.set()  # the window is gone; the end of the input follows
