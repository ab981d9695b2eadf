# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes that are kept to be done again: in a file of their own, or under a name. Any thread."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from core.foundation.decoding import from_json
from core.foundation.errors import Conflict, NotFound, UsageError, from_os_error
from core.foundation.files import atomic_write
from core.foundation.places import config_dir
from core.services.values import SavedPush

_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STDIN = "-"


class _Document(msgspec.Struct, frozen=True, omit_defaults=True):
    push: SavedPush
    format: int = _FORMAT
    kind: Literal["mirrordeck push"] = "mirrordeck push"


class _Presets(msgspec.Struct, frozen=True):
    presets: dict[str, SavedPush]
    format: int = _FORMAT


def saved_push_text(saved: SavedPush) -> bytes:
    """`saved` as a file for `buildcache push --plan`."""
    builtins = msgspec.json.decode(msgspec.json.encode(_Document(saved)))
    return msgspec.json.format(msgspec.json.encode({"kind": "mirrordeck push", "format": _FORMAT, **builtins})) + b"\n"


def read_saved_push(path: Path) -> SavedPush:
    """What `saved_push_text` wrote; `-` is standard input. Raises NotFound, PermissionDenied and UsageError."""
    try:
        data = sys.stdin.buffer.read() if str(path) == _STDIN else path.read_bytes()
    except OSError as error:
        raise from_os_error(error, "The plan cannot be read", path) from error
    try:
        document = from_json(data, _Document)
    except msgspec.MsgspecError as error:
        raise UsageError("This is no plan of a push", f"{path}: {error}") from error
    if document.format > _FORMAT:
        raise UsageError("This plan was written by a newer version", str(path), remedies=("Update Mirrordeck.",))
    return document.push


def presets() -> dict[str, SavedPush]:
    """All presets by name. Raises UsageError for a file that cannot be understood."""
    try:
        return from_json(_file().read_bytes(), _Presets).presets
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise from_os_error(error, "The presets cannot be read", _file()) from error
    except msgspec.MsgspecError as error:
        raise UsageError("The presets cannot be read", f"{_file()}: {error}") from error


def preset_named(name: str) -> SavedPush:
    """Raises NotFound, which names those there are."""
    known = presets()
    if name not in known:
        why = f"there are {', '.join(sorted(known))}" if known else "there are none yet"
        raise NotFound(f"No preset {name}", why)
    return known[name]


def save_preset(name: str, saved: SavedPush, *, replace: bool) -> None:
    """Raises UsageError for a name that cannot be, Conflict for one that is there unless it may be replaced, and what
    writing raises."""
    if not _NAME.fullmatch(name):
        raise UsageError("This cannot be the name of a preset", "letters, digits, dots, dashes and underscores only")
    known = presets()
    if name in known and not replace:
        raise Conflict(f"There is a preset {name} already")
    _write({**known, name: saved})


def remove_preset(name: str) -> None:
    """Raises NotFound."""
    preset_named(name)
    _write({key: saved for key, saved in presets().items() if key != name})


def _write(known: dict[str, SavedPush]) -> None:
    with suppress(OSError):  # told by the write
        _file().parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(_Presets(dict(sorted(known.items())))))
    atomic_write(_file(), text + b"\n")


def _file() -> Path:
    return config_dir() / "presets.json"
