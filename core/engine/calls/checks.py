# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about whether caches are sound, and about putting them right."""

from __future__ import annotations

from core.caches.protocol import IndexUpdate
from core.engine.messages import Call
from core.services.verify_values import Examined, Finding, RepairPlan, VerifyView


class VerifyCache(Call[VerifyView], frozen=True):
    """Whether a cache is sound; findings as rows, and how far it has come. Quick is presence and size, `full` reads and
    hashes everything, at most `bytes_per_s`; one that was stopped goes on when it is asked for again."""

    method = "checks.verify"
    answer = VerifyView
    row = Finding | Examined
    instance: str
    mirror: str
    full: bool = False
    bytes_per_s: float | None = None


class PlanRepair(Call[RepairPlan], frozen=True):
    """What puts findings right. Its `push` and `delete` are for `push.plan` and `upkeep.plan-delete`."""

    method = "checks.plan-repair"
    answer = RepairPlan
    instance: str
    mirror: str
    findings: tuple[Finding, ...]


class FinishRepair(Call[IndexUpdate | None], frozen=True):
    """The last steps of a repair, once packages were pushed and deleted: the layout mark and the index."""

    method = "checks.finish-repair"
    answer = IndexUpdate | None
    instance: str
    plan: RepairPlan
