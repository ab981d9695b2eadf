# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installing packages of a cache with the instance's own Spack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.calls import installs
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.install_here import InstallHere
from core.services.install_values import InstallOutlook, SpackEnd, SpackLine


class InstallHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {installs.LookAtInstall: self.look, installs.InstallPackages: self.run}

    def look(self, call: installs.LookAtInstall, token: CancelToken) -> InstallOutlook:
        return self._here(call.instance).look(call.request, token)

    def run(self, call: installs.InstallPackages, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        self._state.check_may_change("Nothing was installed")
        return self._here(call.instance).run(call.request, token)

    def _here(self, instance_id: str) -> InstallHere:
        instance = self._state.instance(instance_id)
        return InstallHere(instance, self._state.access(instance), Path.home())
