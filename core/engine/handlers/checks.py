# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about whether caches are sound, and about putting them right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.caches.protocol import IndexUpdate
from core.engine.calls import checks
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.places import state_dir
from core.services.verify import Stream, finish_repair, plan_repair, stream, verify
from core.services.verify_values import Examined, Finding, RepairPlan, VerifyView


class CheckHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            checks.VerifyCache: self.verify,
            checks.PlanRepair: self.plan_repair,
            checks.FinishRepair: self.finish_repair,
        }

    def verify(self, call: checks.VerifyCache, token: CancelToken) -> Stream:
        instance = self._state.instance(call.instance)

        def rows(progress: Callable[[Examined], None]) -> Iterator[Finding | VerifyView]:
            return verify(
                instance,
                self._state.access(instance),
                call.mirror,
                full=call.full,
                checkpoints=None if self._state.read_only else state_dir() / "verify",
                cwd=Path.home(),
                token=token,
                bytes_per_s=call.bytes_per_s,
                progress=progress,
            )

        return stream(rows)

    def plan_repair(self, call: checks.PlanRepair, token: CancelToken) -> RepairPlan:
        instance = self._state.instance(call.instance)
        access = self._state.access(instance)
        return plan_repair(instance, access, call.mirror, call.findings, cwd=Path.home(), token=token)

    def finish_repair(self, call: checks.FinishRepair, token: CancelToken) -> IndexUpdate | None:
        self._state.check_may_change("The cache was not repaired")
        instance = self._state.instance(call.instance)
        return finish_repair(instance, self._state.access(instance), call.plan, cwd=Path.home(), token=token)
