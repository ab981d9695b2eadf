# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what a person has set."""

from __future__ import annotations

from core.engine.messages import Call


class SettingsChanged(Call[None], frozen=True):
    """The window has written the settings: follow them from now on."""

    method = "settings.changed"
    answer = None
