# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The instance's own Spack, run as a child whose lines are read while it works."""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import IO, cast

from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError, UsageError, from_os_error
from core.foundation.text import visible
from core.services.child_environment import ChildEnvironment
from core.spack.instance import Instance

_POLL_S = 0.1
_READ_BYTES = 65536
_LINE_CHARACTERS = 4000
# How long Spack may take to remove its locks and stages after being asked to stop.
_GRACE_S = 5.0
# Shorter ones would blank out words that have nothing to do with them.
_SHORTEST_HIDDEN = 4


class SpackFailed(MirrordeckError):
    """Spack could not be started, or took too long."""

    code = "spack-failed"


def spack_command(instance: Instance) -> list[str]:
    """The instance's own Spack with its environment chosen. Raises UsageError for a bare install root."""
    executable = instance.spack_executable
    if executable is None or not executable.is_file():
        raise UsageError("This needs Spack itself", "the instance is an install root without a checkout")
    chosen = ["-D", str(instance.environment.path)] if instance.environment is not None else ["-E"]
    return [str(executable), *chosen]


def run_spack(
    instance: Instance,
    arguments: Sequence[str],
    environment: ChildEnvironment,
    token: CancelToken,
    *,
    time_limit_s: float | None = None,
) -> Generator[list[str], None, int]:
    """Lines of Spack's output and errors as they come, in one stream, a list about every 0.1 s; then its exit status.

    Secrets of `environment` are blanked in them, and what a terminal would interpret is escaped. When the generator is
    closed, or `token` cancelled, Spack is asked to stop, and ended after 5 s; nothing it started stays behind. Raises
    SpackFailed, UsageError and Cancelled. Any thread; one at a time.
    """
    command = [*spack_command(instance), *arguments]
    variables = {**environment.variables, "SPACK_COLOR": "never", "PYTHONUNBUFFERED": "1"}
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
    except OSError as error:
        raise SpackFailed("Spack cannot be started", from_os_error(error, "", command[0]).why) from error
    lines = _Lines([secret.reveal() for secret in environment.secrets])
    with child:
        try:
            yield from _until_end(child, lines, token, time_limit_s)
            return child.wait()
        finally:
            _end(child)


def _until_end(
    child: subprocess.Popen[bytes], lines: _Lines, token: CancelToken, time_limit_s: float | None
) -> Generator[list[str], None, None]:
    output = cast(IO[bytes], child.stdout)
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            token.raise_if_cancelled()
            if deadline is not None and time.monotonic() > deadline:
                raise SpackFailed("Spack was stopped", f"it took longer than {time_limit_s:g} s")
            ready = selector.select(_POLL_S)
            if ready:
                piece = os.read(output.fileno(), _READ_BYTES)
                if found := lines.add(piece):
                    yield found
                if piece:
                    continue
            # Something it left behind may hold the other end open; that is nobody's business here.
            if ready or child.poll() is not None:
                break
    if last := lines.rest():
        yield last


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ctrl+C for the whole group, which is what Spack tidies up after; then the end of it."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


class _Lines:
    """Bytes in, whole lines out, fit to be shown."""

    def __init__(self, hidden: Sequence[str]) -> None:
        self._hidden = sorted({text for text in hidden if len(text) >= _SHORTEST_HIDDEN}, key=len, reverse=True)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def add(self, piece: bytes) -> list[str]:
        *whole, self._begun = (self._begun + self._decoder.decode(piece)).split("\n")
        self._begun = self._begun[-_LINE_CHARACTERS * 16 :]
        return [self._shown(line) for line in whole]

    def rest(self) -> list[str]:
        begun, self._begun = self._begun + self._decoder.decode(b"", final=True), ""
        return [self._shown(begun)] if begun else []

    def _shown(self, line: str) -> str:
        """What is left of a line after its carriage returns, as in a terminal."""
        text = line.rstrip("\r").rpartition("\r")[2]
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return visible(text.replace("\t", "    "))[:_LINE_CHARACTERS]
