# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a process that holds secrets does to keep its memory to itself."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
from contextlib import suppress

from core.foundation.redaction import crash_text

_PR_SET_DUMPABLE = 4
_usual_limits: list[tuple[int, int]] = []


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


def restore_core_limit() -> None:
    """For a program that is about to replace this one: it may leave core dumps as it usually does."""
    if _usual_limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, _usual_limits[0])


def report_crashes() -> None:
    """Exceptions that nobody catches, in any thread, go to stderr without secrets and values of variables."""

    def show(error: BaseException | None) -> None:
        if error is not None and sys.stderr is not None:
            with suppress(OSError, ValueError):
                os.write(sys.stderr.fileno(), crash_text(error).encode("utf-8", "replace"))

    sys.excepthook = lambda _kind, error, _trace: show(error)
    threading.excepthook = lambda arguments: show(arguments.exc_value)
