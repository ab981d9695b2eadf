# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where a test may end this process in the worst moment: right before and after something becomes visible to others."""

from __future__ import annotations

import itertools
import os
import signal

_VARIABLE = "MIRRORDECK_KILL_AT"
_count = itertools.count(1)


def reached(name: str) -> None:
    """Nothing, unless MIRRORDECK_KILL_AT is `N` or `N SIGNAL`: then this process gets that signal (SIGKILL) at the n-th
    step of all; at the step 0 it only lists them. `name` begins with what kind of step it is and a colon. Any thread.
    """
    wanted = os.environ.get(_VARIABLE)
    if not wanted:
        return
    step, _, kind = wanted.partition(" ")
    if step == "0":
        os.write(2, f"step: {name}\n".encode())
    elif next(_count) == int(step):
        os.write(2, f"killed at step {step}: {name}\n".encode())
        os.kill(os.getpid(), signal.Signals[kind or "SIGKILL"])
