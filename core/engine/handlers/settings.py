# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what a person has set."""

from __future__ import annotations

from typing import Any

from core.engine.calls import settings
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken


class SettingsHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {settings.SettingsChanged: self.changed}

    def changed(self, call: settings.SettingsChanged, _token: CancelToken) -> None:
        self._state.settings_changed(call.wishes)
