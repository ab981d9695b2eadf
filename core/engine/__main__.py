# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`python -m core.engine [--read-only]`: serve the window that started this process.

With `--detach --session ID --wait SECONDS` the engine outlives the connection to its window, and this process only
passes on what they say.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from core.foundation.process import keep_heap_small, protect_memory, report_crashes


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    protect_memory()
    keep_heap_small()
    report_crashes()
    if options.detach:
        from core.engine.relay import attach

        attach(options.session, wait_s=options.wait, read_only=options.read_only)
    else:
        _serve(read_only=options.read_only)


def _serve(*, read_only: bool) -> None:
    from core.engine.dispatch import handler_table
    from core.engine.messages import PROTOCOL, Hello
    from core.engine.server import Server
    from core.engine.state import EngineState
    from core.foundation.logs import start_log
    from core.foundation.release import versions

    # stdout belongs to the protocol alone; whatever else prints must not corrupt it.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl+C in a terminal reaches the window, which stops us in order. Programs started here would inherit SIG_IGN, and
    # could not be stopped by it.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    start_log("engine", to_file=not read_only)
    # A window that is gone leaves a broken pipe, also when the rest of the buffer is flushed on closing.
    with suppress(BrokenPipeError), sink:
        state = EngineState(read_only=read_only)
        Server(sys.stdin.buffer, sink, state, handler_table(state), Hello(PROTOCOL, versions())).serve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="engine")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--detach", action="store_true")
    parser.add_argument("--session", default="")
    parser.add_argument("--wait", type=int, default=900)
    return parser


if __name__ == "__main__":
    main()
