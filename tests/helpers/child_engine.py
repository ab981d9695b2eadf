# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine as the window has it: a child process and lines of JSON."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from core.engine.messages import Batch, Call, Cancel, Reply, Request, Snapshot, ToWindow, encode_call

ROOT = Path(__file__).parents[2]


class Engine:
    """A child process, asked and answered one request at a time."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", "-m", "core.engine", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.snapshots: list[Snapshot] = []
        self._number = 0
        self.hello = self.receive()

    def receive(self) -> ToWindow:
        assert self.process.stdout is not None
        return msgspec.json.decode(self.process.stdout.readline(), type=ToWindow)

    def send(self, message: Request | Cancel) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(message) + b"\n")
        self.process.stdin.flush()

    def ask(self, call: Call[Any]) -> tuple[Any, list[Any]]:
        """Answer and rows; an ErrorInfo as answer where the engine replied with one."""
        self._number += 1
        self.send(Request(self._number, call.method, encode_call(call)))
        rows: list[Any] = []
        while True:
            message = self.receive()
            if isinstance(message, Snapshot):
                self.snapshots.append(message)
            elif isinstance(message, Batch):
                rows += msgspec.json.decode(message.rows, type=list[call.row])  # type: ignore[name-defined]
            elif isinstance(message, Reply):
                assert message.id == self._number
                if message.error is not None:
                    return message.error, rows
                return msgspec.json.decode(message.result, type=call.answer), rows

    def end(self) -> None:
        _, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, errors
        assert errors == b""
