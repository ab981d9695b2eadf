# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where log records go: a small rotating file for each kind of process, never stdout."""

from __future__ import annotations

import logging
from contextlib import suppress
from logging.handlers import RotatingFileHandler

from core.foundation.places import state_dir

_MOST_BYTES = 1_000_000


def start_log(process: str, *, to_file: bool) -> None:
    """Send warnings and worse to `<state>/log/<process>.log`, or to stderr where that is not wanted or not possible."""
    handler: logging.Handler = logging.StreamHandler()
    if to_file:
        directory = state_dir() / "log"
        with suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            handler = RotatingFileHandler(directory / f"{process}.log", maxBytes=_MOST_BYTES, backupCount=2, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
