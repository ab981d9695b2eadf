# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The loop of the engine process: lines in, answers out, snapshots while something moves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import msgspec

from core.engine.dispatch import handler_table
from core.engine.messages import (
    PROTOCOL,
    Batch,
    Cancel,
    Hello,
    Reply,
    Request,
    Snapshot,
    ToEngine,
    ToWindow,
    decode_call,
)
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, MirrordeckError, UsageError, describe
from core.foundation.logs import current_request

_log = logging.getLogger(__name__)
# Most of them wait for networks: tests of dead mirrors must leave room for what the pages ask.
_REQUESTS_AT_ONCE = 32
_SNAPSHOT_INTERVAL_S = 0.1


class Server:
    """Serves one window over a pair of byte streams until its input ends.

    Requests run in a pool, so that slow ones do not hold up the others; every line is written whole.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO, state: EngineState, versions: dict[str, str]) -> None:
        self._source = source
        self._sink = sink
        self._state = state
        self._versions = versions
        self._writing = threading.Lock()
        self._running: dict[int, CancelToken] = {}
        self._stopped = threading.Event()
        self._calls = {call.method: (call, handler) for call, handler in handler_table(state).items()}

    def serve(self) -> None:
        """Blocks until the input ends; then stops transfers cleanly and returns."""
        self._send(Hello(PROTOCOL, self._versions))
        ticker = threading.Thread(target=self._tick, name="snapshots", daemon=True)
        ticker.start()
        decoder = msgspec.json.Decoder(ToEngine)
        pool = ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="request")
        try:
            for line in self._source:
                try:
                    message = decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    _log.error("the window sent something that is not understood: %s", error)
                    continue
                if isinstance(message, Cancel):
                    token = self._running.get(message.id)
                    if token is not None:
                        token.cancel()
                else:
                    self._running[message.id] = token = CancelToken()
                    pool.submit(self._answer, message, token)
        finally:
            for token in list(self._running.values()):
                token.cancel()
            self._stopped.set()
            self._state.close()
            pool.shutdown(wait=True)
            ticker.join()

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
                self._send(Snapshot(self._state.queue.snapshot()))

    def _send(self, message: ToWindow) -> None:
        line = msgspec.json.encode(message) + b"\n"
        with self._writing:
            try:
                self._sink.write(line)
                self._sink.flush()
            except (BrokenPipeError, ValueError):
                self._stopped.set()  # the window is gone; the end of the input follows
