# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a process does about its memory, and about being asked to end."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from core.foundation.cancel import CancelToken
from core.foundation.redaction import crash_text

_PR_SET_DUMPABLE = 4
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BYTES = 2 << 20
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_usual_limits: list[tuple[int, int]] = []

_Handler = Callable[[int, FrameType | None], Any]


def forbid_core_dumps() -> None:
    """For this process and those it starts."""
    with suppress(OSError, ValueError):
        limits = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))
        _usual_limits.append(limits)


def protect_memory() -> None:
    """No core dump, and no other process of this user looks into the memory, where the system can forbid it."""
    forbid_core_dumps()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_heap_small() -> None:
    """Have all threads share two arenas of malloc, and large buffers go back to the system when they are freed, where
    it is glibc's. To be called before any thread is started.

    With an arena for each thread what they freed is hardly used again: an hour of mixed work took 126 instead of 90 MB.
    By itself glibc takes larger and larger buffers from the heap, where holes stay behind them.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_ARENA_MAX, 2)
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def trim_heap() -> None:
    """Give what malloc keeps for later back to the system, where it is glibc's: after work of all sizes it is half of
    the heap. Takes milliseconds; any thread."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def restore_core_limit() -> None:
    """For a program that is about to replace this one: it may leave core dumps as it usually does."""
    if _usual_limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, _usual_limits[0])


@contextmanager
def ending_in_order() -> Iterator[None]:
    """While the block runs in the main thread, SIGTERM and SIGHUP leave it by SystemExit, so that what was begun is
    finished or taken back. Only SIGKILL is quicker."""

    def end(number: int, _frame: object) -> None:
        for each in _ENDING:  # once is enough; programs started from here would inherit SIG_IGN
            signal.signal(each, lambda _number, _frame: None)
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # One that was ignored from the start (nohup) stays so.
    before = {number: signal.getsignal(number) for number in _ENDING}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    with _handled(before, end):
        yield


@contextmanager
def ending_by(token: CancelToken) -> Iterator[None]:
    """While the block runs in the main thread, signals that would leave it anywhere (Ctrl+C, those of
    `ending_in_order`) cancel `token` instead, and leave at its end: so it can give back what it has at others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        token.cancel()

    handlers = ((number, signal.getsignal(number)) for number in (signal.SIGINT, *_ENDING))
    before: dict[int, _Handler] = {number: handler for number, handler in handlers if callable(handler)}
    try:
        with _handled(before, note):
            yield
    finally:
        if asked:
            before[asked[0]](asked[0], None)


@contextmanager
def _handled(before: Mapping[Any, Any], handler: _Handler) -> Iterator[None]:
    """While the block runs, `handler` gets the signals that others handled `before`."""
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)


def report_crashes() -> None:
    """Exceptions that nobody catches, in any thread, go to stderr without secrets and values of variables."""

    def show(error: BaseException | None) -> None:
        if error is not None and sys.stderr is not None:
            with suppress(OSError, ValueError):
                os.write(sys.stderr.fileno(), crash_text(error).encode("utf-8", "replace"))

    sys.excepthook = lambda _kind, error, _trace: show(error)
    threading.excepthook = lambda arguments: show(arguments.exc_value)
