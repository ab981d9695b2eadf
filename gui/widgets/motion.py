# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether things may move."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication


def display_is_far() -> bool:
    """Whether every change of the screen goes over a network."""
    platform = QApplication.platformName()
    host, _, _ = os.environ.get("DISPLAY", "").partition(":")
    forwarded = platform == "xcb" and bool(host) and host != "unix"
    return bool(os.environ.get("SSH_CONNECTION")) or platform == "vnc" or forwarded


def motion_wanted() -> bool:
    """False where the desktop switches effects off, and on displays that are far away."""
    if display_is_far() or QApplication.platformName() == "offscreen":
        return False
    return QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
