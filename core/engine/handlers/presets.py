# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about pushes that are kept under a name."""

from __future__ import annotations

from typing import Any

from core.engine.calls import presets
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services import saved_pushes
from core.services.push_scripts import push_script
from core.services.values import SavedPush


class PresetHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            presets.ListPresets: self.known,
            presets.SavePreset: self.save,
            presets.RemovePreset: self.remove,
            presets.WritePushScript: self.script,
        }

    def known(self, _call: presets.ListPresets, _token: CancelToken) -> dict[str, SavedPush]:
        return saved_pushes.presets()

    def save(self, call: presets.SavePreset, _token: CancelToken) -> None:
        self._state.check_may_change("The preset was not saved")
        saved_pushes.save_preset(call.name, call.saved, replace=call.replace)

    def remove(self, call: presets.RemovePreset, _token: CancelToken) -> None:
        self._state.check_may_change("The preset was not removed")
        saved_pushes.remove_preset(call.name)

    def script(self, call: presets.WritePushScript, _token: CancelToken) -> str:
        return push_script(call.kind, call.saved)
