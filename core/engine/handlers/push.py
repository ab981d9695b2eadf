# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests that plan and start pushes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from core.engine.calls import push
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.push import PreparedPush, plan_push
from core.transfers.plan import PushPlan

_PLANS_KEPT = 20


class PushHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._plans: dict[str, PreparedPush] = {}
        self._lock = threading.Lock()

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            push.PlanPush: self.plan,
            push.StartPush: self.start,
        }

    def plan(self, call: push.PlanPush, token: CancelToken) -> PushPlan:
        state = self._state
        instance = state.instance(call.instance)
        prepared = plan_push(
            instance,
            state.access(instance),
            call.request,
            cwd=Path.home(),
            token=token,
            probe=not state.read_only,
            sizes=state.sizes,
        )
        with self._lock:
            self._plans[prepared.plan.id] = prepared
            while len(self._plans) > _PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
        return prepared.plan

    def start(self, call: push.StartPush, _token: CancelToken) -> str:
        self._state.check_may_change("Nothing was pushed")
        wanted = (call.plan, *call.also)
        with self._lock:
            if not all(plan in self._plans for plan in wanted):
                raise NotFound("This plan is no longer known", remedies=("Plan the push again.",))
            prepared = [self._plans.pop(plan) for plan in wanted]
        first, *_others = [self._state.queue.add(each.job, paused=call.paused) for each in prepared]
        return first
