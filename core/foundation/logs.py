# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where log records go: a small rotating file for each kind of process, never stdout, and never a secret.

The settings, or `MIRRORDECK_LOG=info` or `debug`, say whether more than warnings is written.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path

from core.foundation.places import state_dir
from core.foundation.redaction import redacted
from core.foundation.settings import LogLevel, load_settings

_MOST_BYTES = 1_000_000
_FORMAT = "%(asctime)s %(levelname)s %(process)d [%(request)s] %(name)s: %(message)s"

# What the engine is asked for while it logs; "-" outside of requests.
current_request: ContextVar[str] = ContextVar("current_request", default="-")


class RedactingFormatter(logging.Formatter):
    """Lines with the request they belong to, and without secrets, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        record.request = current_request.get()
        return redacted(super().format(record))


def log_dir() -> Path:
    return state_dir() / "log"


def start_log(process: str, *, to_file: bool) -> None:
    """Send warnings and worse to `<state>/log/<process>.log`, or to stderr where that is not wanted or not possible."""
    handler: logging.Handler = logging.StreamHandler()
    if to_file:
        directory = log_dir()
        with suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            handler = RotatingFileHandler(
                directory / f"{process}.log", maxBytes=_MOST_BYTES, backupCount=2, delay=True, encoding="utf-8"
            )
    handler.setFormatter(RedactingFormatter())
    logging.basicConfig(handlers=[handler])
    set_log_level(load_settings().log_level)


def set_log_level(level: LogLevel) -> None:
    """From now on, unless the environment says something else."""
    asked = os.environ.get("MIRRORDECK_LOG", "").lower()
    logging.getLogger().setLevel((asked if asked in tuple(LogLevel) else level).upper())
