# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the mirrors of an instance."""

from __future__ import annotations

from typing import Any

from core.engine.calls import mirrors
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.mirrors import view_mirrors
from core.services.values import MirrorsView


class MirrorHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            mirrors.ListMirrors: self.list_mirrors,
        }

    def list_mirrors(self, call: mirrors.ListMirrors, _token: CancelToken) -> MirrorsView:
        instance = self._state.instance(call.instance)
        return view_mirrors(instance, self._state.access(instance))
