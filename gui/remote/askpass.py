# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the questions of ssh and sudo arrive: the window's end of core/cli/askpass.py. GUI thread only."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from core.cli import askpass
from core.foundation.errors import StorageFailed
from core.foundation.secret import Secret
from gui.remote import words
from gui.widgets.page import TaskOwner

_LONGEST_QUESTION = 20_000


@dataclass(frozen=True, slots=True)
class Question:
    """What `who` asks; `kind` is "confirm" (yes or no), "none" (nothing to answer), or "" (a text)."""

    who: str
    prompt: str
    kind: str = ""

    @property
    def yes_or_no(self) -> bool:
        """ssh asks for host keys by a prompt that wants the word `yes`."""
        return self.kind == "confirm" or "(yes/no" in self.prompt


class Askpass(QObject):
    """Listens for the questions of one connection, in a folder that only this account may enter, until `leave`.

    `answer(Question)` is awaited for one question after the other; None refuses it. It is cancelled when ssh does not
    want to know any more.
    """

    def __init__(
        self, who: str, answer: Callable[[Question], Awaitable[Secret | None]], parent: QObject | None = None
    ) -> None:
        """Raises StorageFailed if no program that asks can be put anywhere."""
        super().__init__(parent)
        self._who = who
        self._answer = answer
        self._turn = asyncio.Lock()
        self._tasks = TaskOwner()
        self._folder = Path(tempfile.mkdtemp(prefix="mirrordeck-ask-", dir=_executable_place()))
        self._program = self._folder / "ask"
        self._program.write_text(f'#!/bin/sh\nexec {shlex.join(_asking_command())} "$@"\n', encoding="utf-8")
        self._program.chmod(0o700)
        self._window = self._folder / "window"
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.setblocking(False)
        try:
            self._server.bind(str(self._window))
            self._window.chmod(0o600)
            self._server.listen()
        except OSError as error:  # a path too long for a socket, for instance
            self._server.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise StorageFailed(words.CANNOT_ASK, str(error)) from error
        # Not closed before the loop looks at it no more.
        self._tasks.start(self._listen()).add_done_callback(lambda _: self._server.close())

    @property
    def environment(self) -> dict[str, str]:
        """What makes ssh and sudo ask here."""
        program = str(self._program)
        return {
            "SSH_ASKPASS": program,
            "SSH_ASKPASS_REQUIRE": "force",
            "SUDO_ASKPASS": program,
            askpass.SOCKET_VARIABLE: str(self._window),
        }

    def leave(self) -> None:
        self._tasks.cancel_all()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _listen(self) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self._server)
            self._tasks.start(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            question = self._read(await _line(connection))
            answering = self._tasks.start(self._answer_in_turn(question))
            withdrawn = self._tasks.start(_end_of(connection))
            try:
                await asyncio.wait({answering, withdrawn}, return_when=asyncio.FIRST_COMPLETED)
                if answering.done() and (answer := answering.result()) is not None:
                    line = json.dumps(answer.reveal()).encode() + b"\n"
                    await asyncio.get_running_loop().sock_sendall(connection, line)
            finally:
                answering.cancel()
                withdrawn.cancel()
                await asyncio.wait({answering, withdrawn})

    async def _answer_in_turn(self, question: Question) -> Secret | None:
        async with self._turn:
            return await self._answer(question)

    def _read(self, line: bytes) -> Question:
        try:
            found = json.loads(line)
            return Question(self._who, str(found["prompt"]), str(found["kind"]))
        except (ValueError, LookupError, TypeError):
            return Question(self._who, line.decode("utf-8", "replace"))


async def _line(connection: socket.socket) -> bytes:
    line = b""
    while b"\n" not in line and len(line) < _LONGEST_QUESTION:
        more = await asyncio.get_running_loop().sock_recv(connection, _LONGEST_QUESTION)
        if not more:
            raise ConnectionError
        line += more
    return line


async def _end_of(connection: socket.socket) -> None:
    with suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(connection, 1):
            pass


def _asking_command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, "--askpass"]
    return [sys.executable, "-I", str(Path(askpass.__file__))]


def _executable_place() -> str:
    """A folder whose programs may be started: some file systems forbid it."""
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), str(Path.home())):
        if place and os.access(place, os.W_OK) and not os.statvfs(place).f_flag & os.ST_NOEXEC:
            return place
    raise StorageFailed(words.CANNOT_ASK, words.NO_EXECUTABLE_PLACE)
