# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the window remembers by itself: sizes, columns, last choices."""

from __future__ import annotations

from PySide6.QtCore import QSettings

from core.foundation.places import config_dir


def remembered() -> QSettings:
    """The window's own memory; losing it costs nothing but comfort."""
    return QSettings(str(config_dir() / "window.ini"), QSettings.Format.IniFormat)
