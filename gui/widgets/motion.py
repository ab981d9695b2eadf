# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether things may move."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication


def motion_wanted() -> bool:
    """False where the desktop switches effects off, and on displays that are far away."""
    if os.environ.get("SSH_CONNECTION") or QApplication.platformName() in ("offscreen", "vnc"):
        return False
    return QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
