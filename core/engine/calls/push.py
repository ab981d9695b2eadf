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
    """Queue a plan made by `PlanPush` in this engine, and with it those of `also`, or none of them; `paused` so that
    nothing moves before the person resumes the rows. Answers the id of the first push."""

    method = "push.start"
    answer = str
    plan: str
    paused: bool = False
    also: tuple[str, ...] = ()
