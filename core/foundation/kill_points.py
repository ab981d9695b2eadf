# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where a test may end this process in the worst moment: right before and after something becomes visible to others."""

from __future__ import annotations

import itertools
import os
import signal

_VARIABLE = "MIRRORDECK_KILL_AT"
_count = itertools.count(1)


def reached(name: str) -> None:
    """Nothing, unless MIRRORDECK_KILL_AT says that the process ends at this step, the n-th of all. Any thread."""
    wanted = os.environ.get(_VARIABLE)
    if wanted and next(_count) == int(wanted):
        os.write(2, f"killed at step {wanted}: {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
