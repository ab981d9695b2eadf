# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs that answer with a secret: bounded in time and size, their output kept out of every message."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, NamedTuple, cast

_OUTPUT_LIMIT = 256 * 1024


class ChildFailed(Exception):
    """A program could not be started or did not end properly; the text never holds any of its output."""


class Finished(NamedTuple):
    status: int
    output: bytes


def run_quietly(argv: Sequence[str], environ: Mapping[str, str], *, data: bytes = b"", timeout_s: float) -> Finished:
    """Run `argv` without a shell, give it `data` (at most a pipe's buffer) and collect what it prints. Any thread.

    It has no terminal and its standard error goes nowhere. When it takes longer than `timeout_s` or prints too much, it
    is ended with everything it started. Raises ChildFailed.
    """
    problem = ""
    try:
        child = subprocess.Popen(
            list(argv),
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else "its arguments are not possible"
    if problem:
        raise ChildFailed(f"it cannot be started: {problem}")
    with child:
        try:
            return _answer(child, data, time.monotonic() + timeout_s)
        except TimeoutError:
            raise ChildFailed(f"it did not answer within {timeout_s:g} s") from None
        finally:
            if child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)


def _answer(child: subprocess.Popen[bytes], data: bytes, deadline: float) -> Finished:
    """Raises TimeoutError, and ChildFailed when there is too much of it."""
    given, printed = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
    with suppress(BrokenPipeError):
        given.write(data)
        given.flush()
    with suppress(BrokenPipeError):
        given.close()
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(printed, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            piece = os.read(printed.fileno(), 65536)
            if not piece:
                break
            output += piece
            if len(output) > _OUTPUT_LIMIT:
                raise ChildFailed("it prints far more than a password")
    try:
        status = child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Finished(status, bytes(output))
