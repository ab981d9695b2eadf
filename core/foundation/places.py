# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where Mirrordeck keeps its own files. `MIRRORDECK_HOME` moves all of them below one directory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs


def config_dir() -> Path:
    """Settings a person made."""
    return _place("config", platformdirs.user_config_dir("mirrordeck", appauthor=False))


def state_dir() -> Path:
    """Transfer journals and the log."""
    return _place("state", platformdirs.user_state_dir("mirrordeck", appauthor=False))


def cache_dir() -> Path:
    """What may be deleted at any time."""
    return _place("cache", platformdirs.user_cache_dir("mirrordeck", appauthor=False))


def run_dir() -> Path:
    """Sockets of engines that outlive their connection: in the account's runtime directory if it has one of its own."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    with suppress(OSError):
        if runtime and Path(runtime).stat().st_uid == os.geteuid():
            return Path(runtime) / "mirrordeck"
    return cache_dir() / "run"


def _place(name: str, default: str) -> Path:
    home = os.environ.get("MIRRORDECK_HOME")
    return Path(home) / name if home else Path(default)
