# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the window remembers by itself: sizes, columns, last choices."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSettings

from core.foundation.places import config_dir

_held: dict[str, Any] | None = None


class _Held(QSettings):
    """Reads the file, and has what was set since only in memory."""

    def __init__(self, path: str, held: dict[str, Any]) -> None:
        super().__init__(path, QSettings.Format.IniFormat)
        self._values = held

    def value(self, key: str, defaultValue: Any = None, type: Any = None) -> Any:  # noqa: N803  as Qt names them
        if key in self._values:
            return self._values[key]
        return super().value(key, defaultValue) if type is None else super().value(key, defaultValue, type)

    def setValue(self, key: str, value: Any) -> None:
        self._values[key] = value


def write_nothing() -> None:
    """From now on the window's memory ends with it: nothing may be changed."""
    global _held  # noqa: PLW0603  the start of the process decides it once
    _held = {}


def writes_nothing() -> bool:
    return _held is not None


def remembered() -> QSettings:
    """The window's own memory; losing it costs nothing but comfort."""
    path = str(config_dir() / "window.ini")
    return QSettings(path, QSettings.Format.IniFormat) if _held is None else _Held(path, _held)
