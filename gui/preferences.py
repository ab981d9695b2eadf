# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person has set, for the window. GUI thread only."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from core.foundation.settings import Settings, checked, load_settings, save_settings
from gui.settings import writes_nothing


class _Preferences(QObject):
    """`changed(Settings)` follows every change that was kept."""

    changed = Signal(object)


_preferences = _Preferences()
changed = _preferences.changed


def now() -> Settings:
    """What is set."""
    return load_settings()


def change(**changes: Any) -> None:
    """Set and keep. Raises ValueError for a value that cannot be, and what `save_settings` raises."""
    before = load_settings()
    settings = checked(before, **changes)
    if settings != before:
        if not writes_nothing():
            save_settings(settings)
        changed.emit(settings)
