# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about pushes that are kept under a name."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.values import SavedPush, ScriptKind


class ListPresets(Call[dict[str, SavedPush]], frozen=True):
    method = "presets.list"
    answer = dict[str, SavedPush]


class SavePreset(Call[None], frozen=True):
    """Raises UsageError for a name that cannot be, Conflict for one that is taken unless `replace`."""

    method = "presets.save"
    answer = None
    name: str
    saved: SavedPush
    replace: bool = False


class RemovePreset(Call[None], frozen=True):
    method = "presets.remove"
    answer = None
    name: str


class WritePushScript(Call[str], frozen=True):
    """The text of a script that does the push; nothing is written anywhere."""

    method = "push.script"
    answer = str
    kind: ScriptKind
    saved: SavedPush
