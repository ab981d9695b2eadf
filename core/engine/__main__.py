# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`python -m core.engine [--read-only]`: serve the window that started this process."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from core.engine.server import Server
from core.engine.state import EngineState
from core.foundation.logs import start_log
from core.foundation.process import protect_memory, report_crashes
from core.foundation.release import versions


def main() -> None:
    protect_memory()
    report_crashes()
    # stdout belongs to the protocol alone; whatever else prints must not corrupt it.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl+C in a terminal reaches the window, which stops us in order. Programs started here would inherit SIG_IGN, and
    # could not be stopped by it.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    read_only = "--read-only" in sys.argv[1:]
    start_log("engine", to_file=not read_only)
    # A window that is gone leaves a broken pipe, also when the rest of the buffer is flushed on closing.
    with suppress(BrokenPipeError), sink:
        Server(sys.stdin.buffer, sink, EngineState(read_only=read_only), versions()).serve()


if __name__ == "__main__":
    main()
