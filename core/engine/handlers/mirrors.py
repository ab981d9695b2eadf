# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the mirrors of an instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.engine.calls import mirrors
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.compression import choose_compression, with_compression
from core.services.mirror_addresses import understand_address
from core.services.mirror_details import autopush_warnings, describe_mirror
from core.services.mirror_edits import list_scopes, paths_start
from core.services.mirror_values import (
    AddMirror,
    AddressFacts,
    AppliedEdit,
    ChangeMirror,
    CompressionFacts,
    EditPlan,
    MirrorDetails,
    ScopeRow,
)
from core.services.mirrors import view_mirrors
from core.services.values import MirrorsView


class MirrorHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            mirrors.ListMirrors: self.list_mirrors,
            mirrors.ListScopes: self.list_scopes,
            mirrors.PlanMirrorEdit: self.plan,
            mirrors.ApplyMirrorEdit: self.apply,
            mirrors.UndoMirrorEdit: self.undo,
            mirrors.UnderstandAddress: self.understand,
            mirrors.DescribeMirror: self.describe,
            mirrors.ChooseCompression: self.choose_compression,
        }

    def list_mirrors(self, call: mirrors.ListMirrors, _token: CancelToken) -> MirrorsView:
        instance = self._state.instance(call.instance)
        view = view_mirrors(instance, self._state.access(instance))
        return replace(view, undo=self._state.mirror_edits.undo_steps(instance))

    def list_scopes(self, call: mirrors.ListScopes, _token: CancelToken) -> tuple[ScopeRow, ...]:
        return list_scopes(self._state.instance(call.instance))

    def plan(self, call: mirrors.PlanMirrorEdit, _token: CancelToken) -> EditPlan:
        instance = self._state.instance(call.instance)
        plan = self._state.mirror_edits.plan(instance, call.edit)
        if isinstance(call.edit, (AddMirror, ChangeMirror)) and call.edit.form.autopush:
            gnupg = self._state.access(instance).gnupg
            plan = replace(plan, warnings=(*plan.warnings, *autopush_warnings(call.edit.form, gnupg)))
        return plan

    def apply(self, call: mirrors.ApplyMirrorEdit, _token: CancelToken) -> AppliedEdit:
        self._state.check_may_change("Nothing was saved")
        applied = self._state.mirror_edits.apply(self._state.instance(call.instance), call.plan)
        self._state.mirrors_changed(call.instance)
        return applied

    def undo(self, call: mirrors.UndoMirrorEdit, _token: CancelToken) -> AppliedEdit:
        self._state.check_may_change("Nothing was undone")
        undone = self._state.mirror_edits.undo(self._state.instance(call.instance), call.undo)
        self._state.mirrors_changed(call.instance)
        return undone

    def understand(self, call: mirrors.UnderstandAddress, _token: CancelToken) -> AddressFacts:
        instance = self._state.instance(call.instance)
        base = paths_start(instance, call.scope)
        return with_compression(understand_address(instance, call.text, base), instance, base)

    def choose_compression(self, call: mirrors.ChooseCompression, _token: CancelToken) -> CompressionFacts:
        self._state.check_may_change("The compression was not saved")
        return choose_compression(self._state.instance(call.instance), call.mirror, call.codec)

    def describe(self, call: mirrors.DescribeMirror, _token: CancelToken) -> MirrorDetails:
        instance = self._state.instance(call.instance)
        return describe_mirror(instance, self._state.access(instance).gnupg, call.name)
