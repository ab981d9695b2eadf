# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person may set, declared once: the window writes it, window, engine and command line read it.

One JSON file below `config_dir()` holds only what differs from the defaults. No setting is a secret.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.foundation.decoding import converted
from core.foundation.files import atomic_write
from core.foundation.places import cache_dir, config_dir

_log = logging.getLogger(__name__)

MOST_PARALLEL = 32
# Slower, a piece of a body would take so long that the connection counts as dead.
LEAST_BYTES_PER_S = 256_000
LEAST_TEXT, MOST_TEXT = 80, 200
MOST_REMOTE_WAIT_S = 7 * 86400
# Without a user name: a login of a proxy belongs into the environment.
_PROXY = r"^(https?://[^@\s/]+/?)?$"


class Scheme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class LogLevel(StrEnum):
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a person may set.

    `parallel` packages move at the same time (if that is more than one, four others may upload), over the network with
    at most `bytes_per_s` (None: no limit). A request that fails for a passing reason is tried `tries` times.
    `packing_folder` is where packages are packed ("": below `cache_dir()`), `ca_file` are authorities trusted beside
    the system's ("": none). `proxy` and `no_proxy` stand for those of the environment ("": as the environment says).
    `offline`: no server is contacted.
    `text_percent` is the size of text relative to the desktop's. An engine elsewhere waits `remote_wait_s` for a window
    that went away without a goodbye. `first_instance` is the address of the Spack instance that the window opens
    first ("": as Spack's own rules say, else the one opened last).
    """

    parallel: Annotated[int, Meta(ge=1, le=MOST_PARALLEL)] = min(os.cpu_count() or 1, 4)
    bytes_per_s: Annotated[int, Meta(ge=LEAST_BYTES_PER_S)] | None = None
    tries: Annotated[int, Meta(ge=1, le=20)] = 6
    packing_folder: str = ""
    proxy: Annotated[str, Meta(pattern=_PROXY)] = ""
    no_proxy: str = ""
    ca_file: str = ""
    offline: bool = False
    remote_wait_s: Annotated[int, Meta(ge=0, le=MOST_REMOTE_WAIT_S)] = 900
    first_instance: str = ""
    scheme: Scheme = Scheme.SYSTEM
    compact: bool = True
    text_percent: Annotated[int, Meta(ge=LEAST_TEXT, le=MOST_TEXT)] = 100
    notifications: bool = True
    tray: bool = False
    log_level: LogLevel = LogLevel.WARNING

    @property
    def packing_place(self) -> Path:
        """Where packages are packed."""
        return Path(self.packing_folder) if self.packing_folder else cache_dir() / "packing"


class Wishes(msgspec.Struct, frozen=True):
    """What an engine elsewhere takes over from the settings of its window; the rest is as its own account says."""

    parallel: int
    bytes_per_s: int | None
    tries: int
    offline: bool

    @classmethod
    def of(cls, settings: Settings) -> Wishes:
        return cls(settings.parallel, settings.bytes_per_s, settings.tries, settings.offline)

    def over(self, settings: Settings) -> Settings:
        """`settings` with these instead."""
        return msgspec.structs.replace(settings, **msgspec.structs.asdict(self))


_FIELDS = {each.name: each.type for each in msgspec.structs.fields(Settings)}


def load_settings() -> Settings:
    """What is set now; a value that cannot be is the default. Any thread."""
    kept, known = _read(), {}
    for name in kept.keys() & _FIELDS.keys():
        with suppress(msgspec.ValidationError):
            known[name] = converted(kept[name], _FIELDS[name])
    return Settings(**known)


def save_settings(settings: Settings) -> None:
    """Keep `settings`, and what a newer version keeps beside them. Raises PermissionDenied, NoSpace, StorageFailed."""
    usual, kept = msgspec.to_builtins(Settings()), _read()
    for name, value in msgspec.to_builtins(settings).items():
        kept.pop(name, None)
        if value != usual[name]:
            kept[name] = value
    with suppress(OSError):  # told by the write
        _file().parent.mkdir(parents=True, exist_ok=True)
    atomic_write(_file(), json.dumps(kept, indent=1, sort_keys=True).encode() + b"\n")


def checked(settings: Settings, **changes: Any) -> Settings:
    """`settings` with `changes`. Raises ValueError for a value that cannot be set."""
    try:
        return converted({**msgspec.to_builtins(settings), **changes}, Settings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _read() -> dict[str, Any]:
    try:
        kept = json.loads(_file().read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("the settings cannot be read, the defaults are used: %s", error)
        return {}
    return kept if isinstance(kept, dict) else {}


def _file() -> Path:
    return config_dir() / "settings.json"
