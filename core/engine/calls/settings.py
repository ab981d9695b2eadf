# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what a person has set."""

from __future__ import annotations

from core.engine.messages import Call
from core.foundation.settings import Wishes


class SettingsChanged(Call[None], frozen=True):
    """The window has written the settings: follow them from now on. An engine elsewhere cannot read them, and is told
    those that count for it."""

    method = "settings.changed"
    answer = None
    wishes: Wishes | None = None
