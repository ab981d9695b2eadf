# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests that plan and start pushes."""

from __future__ import annotations

from core.engine.messages import Call
from core.transfers.plan import PushPlan, PushRequest


class PlanPush(Call[PushPlan], frozen=True):
    method = "push.plan"
    answer = PushPlan
    instance: str
    request: PushRequest


class StartPush(Call[str], frozen=True):
    """Queue a plan made by `PlanPush` in this engine, `paused` so that nothing moves before the person resumes its
    rows; answers the id of the push."""

    method = "push.start"
    answer = str
    plan: str
    paused: bool = False
